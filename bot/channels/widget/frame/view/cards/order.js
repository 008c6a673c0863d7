// An order: how it stands, what is in it, what happens until when.

import { h } from "../kit.js";
import { Actions, Facts, Head, Items, Sheet } from "../parts.js";
import { count, deadline, line, moment, money, rows } from "../values.js";

const ON_THE_WAY = ["shipped", "exception"];

export function Order({ data, tools }) {
  const words = tools.words.cards;
  const number = line(data.number, 40);
  return h(Sheet, { kind: "order", label: `${words.order} ${number}` },
    h(Head, { title: words.order, minor: number, state: data.state, label: words.state(data.state, line(data.state_label, 20)) }),
    h(Items, { list: data.items, words }),
    h(Facts, { pairs: [
      [words.payBy, deadline(data.pay_by), "wait"],
      [words.shipBy, deadline(data.ship_by)],
      [words.expectedBy, data.delivered_at ? "" : moment(data.expected_by)],
      [words.deliveredAt, moment(data.delivered_at)],
      [words.placedAt, moment(data.placed_at)],
    ] }),
    h(Total, { data, words }),
    /^[0-9A-Za-z]{1,40}$/.test(number) && h(Actions, { list: [
      ON_THE_WAY.includes(data.state) && [words.track, () => tools.tap("track", words.track, number)],
      data.state === "delivered" && [words.aftersale, () => tools.tap("aftersale", words.aftersale, number)],
      [words.detail, () => tools.tap("order", words.detail, number)],
    ] }));
}

/** What was paid, and what that is made of. */
function Total({ data, words }) {
  const total = money(data.total);
  if (!total) return null;
  const pieces = rows(data.items).reduce((sum, item) => sum + (count(item.quantity) ?? 0), 0);
  const freight = money(data.freight);
  const off = money(data.discount);
  const parts = [
    pieces > 0 && words.pieces(pieces),
    freight && (freight === "¥0" ? words.freeFreight : `${words.freight} ${freight}`),
    off && off !== "¥0" && `${words.discount} −${off}`,
  ];
  return h("p", { className: "z-total" },
    h("span", { className: "z-minor" }, parts.filter(Boolean).join(" · ")),
    h("span", { className: "z-sum" }, `${words.total} `, h("b", { className: "z-price" }, total)));
}
