// Small pieces that several cards are made of.

import { ChatUI, h, useState } from "./kit.js";
import { drawing, line, money, rows } from "./values.js";

const { Card, Tag } = ChatUI;

/** A class attribute of the names that are there. */
export const names = (...found) => found.filter(Boolean).join(" ");

/** A card with its name for who does not see it. It comes in playfully where the dress plays; one that is there already stays still. */
export function Sheet({ kind, label, children, wide }) {
  const [playful] = useState(() => document.documentElement.dataset.motion === "playful");
  return h(Card, { className: names("z-card", `z-${kind}`, wide && "z-wide", playful && "z-pop"), role: "group", "aria-label": label }, children);
}

/** The head of a card: what it is about, and how that stands. */
export const Head = ({ title, minor, state, label }) =>
  h("div", { className: "z-head" },
    h("p", { className: "z-title" }, title, minor && h("span", { className: "z-number" }, minor)),
    h(Badge, { state, label }));

/** How something stands, in the tone of that state. */
export const Badge = ({ state, label }) =>
  (label ? h(Tag, { className: "z-badge", "data-tone": Object.hasOwn(TONES, state) ? TONES[state] : null }, label) : null);

const TONES = {
  delivered: "ok", done: "ok", refunded: "ok", claimed: "ok", usable: "ok",
  exception: "bad", rejected: "bad",
  unpaid: "wait", paid: "wait", refunding: "wait", submitted: "wait", approved: "wait", received: "wait", ending: "wait",
};

/** A drawing of the shop beside a name that says the same; it goes where it does not load. */
export function Drawing({ path, className, large }) {
  const [lost, setLost] = useState("");
  const address = drawing(path);
  if (!address || lost === address) return h("span", { className: names("z-drawing", "z-none", className), "aria-hidden": true });
  const size = large ? 200 : 72;
  return h("img", {
    className: names("z-drawing", className), src: address, alt: "", loading: "lazy", decoding: "async", width: size, height: size,
    onError: () => setLost(address),
  });
}

/** The goods of an order or a request. */
export function Items({ list, words }) {
  const found = rows(list, 20);
  if (!found.length) return null;
  return h("ul", { className: "z-items" }, found.map((item, at) => {
    const pieces = Number.isSafeInteger(item.quantity) && item.quantity > 1 ? words.times(item.quantity) : "";
    return h("li", { key: at },
      h(Drawing, { path: item.picture }),
      h("div", { className: "z-about" },
        h("span", { className: "z-name" }, line(item.name) || line(item.short_name)),
        h("span", { className: "z-minor" }, [line(item.sku_label, 80), pieces].filter(Boolean).join(" · "))),
      h("span", { className: "z-price" }, money(item.unit_price)));
  }));
}

/** Names and values; what has no value is left out. */
export function Facts({ pairs }) {
  const told = pairs.filter(([, value]) => value);
  if (!told.length) return null;
  return h("dl", { className: "z-facts" }, told.map(([name, value, tone]) =>
    h("div", { key: name, "data-tone": tone }, h("dt", null, name), h("dd", null, value))));
}

/** A part that can be opened. It stands as the dress wants it until she has touched it herself. */
export function Fold({ summary, open, children, className }) {
  const [chosen, setChosen] = useState(null);
  const shown = chosen ?? Boolean(open);
  return h("details", {
    className: names("z-fold", className), open: shown,
    onToggle: (event) => {
      if (event.currentTarget.open !== shown) setChosen(event.currentTarget.open);
    },
  }, h("summary", null, summary), children);
}

/** Things that can be done from a card, as what she would type. */
export function Actions({ list }) {
  const found = list.filter(Boolean);
  if (!found.length) return null;
  return h("div", { className: "z-actions" }, found.map(([title, act]) =>
    h("button", { key: title, type: "button", className: "z-action", onClick: act }, title)));
}
