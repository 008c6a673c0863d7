// Coupons: how much, from which sum, for what, until when.

import { h } from "../kit.js";
import { Badge, Sheet } from "../parts.js";
import { deadline, line, money, rows } from "../values.js";

const OVER = ["used", "expired"];

export function Coupons({ message, data, tools }) {
  const words = tools.words.cards;
  const list = rows(data.coupons, 20);
  if (!list.length) return null;
  const [before, after] = said(message.text, list);
  return h(Sheet, { kind: "coupons", label: words.coupons(list.length) },
    before.map((one, at) => h("p", { key: `before-${at}` }, one.replace(/[：:]$/, ""))),
    h("ul", { className: "z-tickets" }, list.map((coupon, at) => h(Ticket, { key: at, coupon, words }))),
    after.map((one, at) => h("p", { key: `after-${at}` }, one)));
}

/** What the bot says before and after the coupons; the lines that tell of them are drawn as tickets. */
function said(text, coupons) {
  const all = line(text, 2000).split("\n").map((one) => one.trim()).filter(Boolean);
  const drawn = all.map((one) => coupons.some((coupon) => tells(one, coupon)));
  const first = drawn.indexOf(true);
  return [all.slice(0, first < 0 ? all.length : first), first < 0 ? [] : all.filter((_, at) => at > first && !drawn[at])];
}

/** Whether a line has all figures of a coupon: 全场满 199 元减 20 元. */
function tells(text, { amount, discount, threshold }) {
  const figures = [amount, discount, threshold].map((one) => Number(line(one, 16))).filter((one) => one > 0);
  const there = (text.match(/\d+(\.\d+)?/g) ?? []).map(Number);
  return figures.length > 0 && figures.every((figure) => there.includes(figure));
}

function Ticket({ coupon, words }) {
  const worth = money(coupon.amount) || words.off(line(coupon.discount, 8));
  const threshold = money(coupon.threshold);
  const ends = deadline(coupon.ends_at);
  const facts = [line(coupon.scope, 60), ends && words.until(ends)].filter(Boolean);
  return h("li", { className: "z-ticket", "data-over": OVER.includes(coupon.state) || null },
    h("div", { className: "z-worth" },
      h("b", null, worth),
      h("span", { className: "z-minor" }, threshold && threshold !== "¥0" ? words.from(threshold) : threshold ? words.fromAny : line(coupon.threshold, 40))),
    h("div", { className: "z-about" },
      h("div", { className: "z-named" },
        h("span", { className: "z-name" }, line(coupon.title, 60) || words.coupon),
        h(Badge, { state: coupon.state, label: words.state(coupon.state, line(coupon.state_label, 12)) })),
      facts.map((fact) => h("span", { key: fact, className: "z-minor" }, fact))));
}
