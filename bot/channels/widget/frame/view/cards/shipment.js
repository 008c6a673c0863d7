// A parcel: when it comes, what holds it up, and its way so far.

import { h } from "../kit.js";
import { Facts, Head, Items, Sheet } from "../parts.js";
import { Timeline } from "../timeline.js";
import { line, moment } from "../values.js";

export function Shipment({ data, tools }) {
  const words = tools.words.cards;
  const number = line(data.number, 40);
  const trouble = line(data.exception, 120);
  return h(Sheet, { kind: "shipment", label: `${words.parcel} ${number}` },
    h(Head, { title: words.order, minor: number, state: data.state, label: words.state(data.state, line(data.state_label, 20)) }),
    trouble && h("p", { className: "z-trouble" }, trouble),
    h(Items, { list: data.items, words }),
    h(Facts, { pairs: [
      [words.expectedBy, data.delivered_at ? "" : moment(data.expected_by), "strong"],
      [words.deliveredAt, moment(data.delivered_at), "strong"],
      [words.promisedBy, moment(data.promised_by)],
      [line(data.carrier, 40) || words.trackingNumber, line(data.tracking_number, 40)],
    ] }),
    h(Timeline, { trace: data.trace, label: words.trace, words, open: tools.dress.details === "open" }));
}
