// An after-sales request: how it stands, until when what happens, what has happened.

import { h } from "../kit.js";
import { Facts, Head, Items, Sheet } from "../parts.js";
import { Timeline } from "../timeline.js";
import { deadline, line, moment, money } from "../values.js";

export function Aftersale({ data, tools }) {
  const words = tools.words.cards;
  const title = words.kind(data.kind, line(data.kind_label, 20)) || words.request;
  return h(Sheet, { kind: "aftersale", label: `${title} ${line(data.number, 40)}` },
    h(Head, { title, state: data.state, label: words.state(data.state, line(data.state_label, 20)) }),
    h(Items, { list: data.items, words }),
    h(Facts, { pairs: [
      [words.refund, money(data.refund_amount), "strong"],
      [words.reviewBy, deadline(data.review_by)],
      [words.refundBy, deadline(data.refund_by)],
      [words.reason, line(data.reason_label, 60)],
      [words.createdAt, moment(data.created_at)],
      [words.request, line(data.number, 40)],
      [words.order, line(data.order_number, 40)],
    ] }),
    h(Timeline, { trace: data.trace, label: words.progress, words, open: tools.dress.details === "open" }));
}
