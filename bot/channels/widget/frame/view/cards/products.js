// Products side by side: a list that is scrolled by finger, by wheel, by keyboard or by its two buttons.

import { h, useEffect, useRef, useState } from "../kit.js";
import { Actions, Drawing, Sheet, names } from "../parts.js";
import { count, line, lines, money, productPage, rows } from "../values.js";

export function Products({ data, tools }) {
  const words = tools.words.cards;
  const list = rows(data.products, 20).filter((product) => line(product.name) || line(product.short_name));
  if (!list.length) return null;
  return h(Sheet, { kind: "products", label: words.products(list.length), wide: true }, h(Shelf, { list, tools }));
}

/** Products in a row; `quiet` shows them without what can be done. */
export function Shelf({ list, tools }) {
  const words = tools.words.cards;
  const large = tools.dress.pictures === "large";
  const track = useRef(null);
  const [at, ends] = useWhere(track, list.length);
  const go = (step) => {
    const items = track.current.children;
    const to = items[Math.max(0, Math.min(items.length - 1, at + step))];
    track.current.scrollTo({ left: to.offsetLeft - track.current.firstElementChild.offsetLeft, behavior: still() ? "auto" : "smooth" });
  };
  return h("div", { className: names("z-shelf", large && "z-large", list.length === 1 && "z-single") },
    h("ul", { className: "z-track", ref: track, tabIndex: list.length > 1 ? 0 : null, role: "list", "aria-label": words.products(list.length) },
      list.map((product, index) =>
        h("li", { key: line(product.product_id, 64) || index, "aria-label": words.nth(index + 1, list.length) }, h(Product, { product, tools, large })))),
    list.length > 1 && h("div", { className: "z-turns" },
      h("button", { type: "button", className: "z-turn", "aria-label": words.previous, disabled: ends.first, onClick: () => go(-1) }, arrow("M15 5l-7 7 7 7")),
      h("span", { className: "z-minor", "aria-hidden": true }, `${at + 1} / ${list.length}`),
      h("button", { type: "button", className: "z-turn", "aria-label": words.next, disabled: ends.last, onClick: () => go(1) }, arrow("M9 5l7 7-7 7"))));
}

function Product({ product, tools, large }) {
  const words = tools.words.cards;
  const name = line(product.name, 120) || line(product.short_name, 60);
  const id = line(product.product_id, 64);
  const page = productPage(tools.config?.product_url, product.product_id);
  const why = line(product.reason_label, 60) || line(product.reason_text, 60);
  const tags = lines(product.tags, 4);
  return h("article", { className: "z-product" },
    h(Drawing, { path: product.picture, large }),
    h("div", { className: "z-about" },
      why && h("span", { className: "z-why" }, why),
      page
        ? h("a", { className: "z-name", href: page, target: "_top", rel: "noopener", onClick: (event) => opened(event, product, page, tools) }, name)
        : h("span", { className: "z-name" }, name),
      h("span", { className: "z-minor" }, known(product, words).join(" · ")),
      tags.length > 0 && h("span", { className: "z-tags" }, tags.map((tag) => h("i", { key: tag }, tag))),
      h("b", { className: "z-price" }, money(product.price))),
    h(Actions, { list: [id && [words.askProduct, () => tools.ask(id, words.askProduct)]] }));
}

/** A host that is told shows the product itself, with the chat still open; else the link leads there. */
function opened(event, product, page, tools) {
  const plain = !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (plain && tools.open?.(product, page)) event.preventDefault();
}

function known(product, words) {
  const rating = line(product.rating, 4);
  const sold = count(product.sold_30_days);
  return [
    /^[0-5](\.\d)?\d?$/.test(rating) && words.rating(rating),
    sold > 0 && words.sold(sold),
    (product.stock === 0 || product.in_stock === false) && words.soldOut,
  ].filter(Boolean);
}

const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

const arrow = (path) => h("svg", { viewBox: "0 0 24 24", "aria-hidden": true }, h("path", { d: path }));

/** Which product is the first to be seen, and whether the list is at one of its ends. */
function useWhere(track, length) {
  const [where, setWhere] = useState({ at: 0, first: true, last: false });
  useEffect(() => {
    const list = track.current;
    const look = () => {
      const items = [...list.children];
      const start = items[0].offsetLeft;
      const left = list.scrollLeft;
      const room = list.scrollWidth - list.clientWidth;
      const first = left <= 4;
      const last = left >= room - 4;
      const nearest = items.reduce((best, item, at) =>
        (Math.abs(item.offsetLeft - start - left) < Math.abs(items[best].offsetLeft - start - left) ? at : best), 0);
      const at = last && !first ? length - 1 : nearest;
      setWhere((known) => (known.at === at && known.first === first && known.last === last ? known : { at, first, last }));
    };
    look();
    list.addEventListener("scroll", look, { passive: true });
    const seen = new ResizeObserver(look);
    seen.observe(list);
    return () => {
      list.removeEventListener("scroll", look);
      seen.disconnect();
    };
  }, [track, length]);
  return [where.at, where];
}
