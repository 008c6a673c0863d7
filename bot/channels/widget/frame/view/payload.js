// What a message brings beside text: cards, pictures, the question for a rating.

import { Aftersale } from "./cards/aftersale.js";
import { Comparison } from "./cards/comparison.js";
import { Coupons } from "./cards/coupons.js";
import { Order } from "./cards/order.js";
import { Picture } from "./cards/picture.js";
import { Policy } from "./cards/policy.js";
import { Products } from "./cards/products.js";
import { Rating } from "./cards/rating.js";
import { Shipment } from "./cards/shipment.js";
import { h } from "./kit.js";
import { isRecord, line, ownPicture, rows } from "./values.js";
import { useView } from "./views.js";

const CARDS = { order: Order, shipment: Shipment, products: Products, comparison: Comparison, aftersale: Aftersale, coupons: Coupons, policy: Policy };

// What a card cannot do without: where it is missing, the text is shown.
const FILLED = {
  order: (data) => line(data.number),
  shipment: (data) => line(data.number) || rows(data.trace).length,
  products: (data) => rows(data.products).some((product) => line(product.name) || line(product.short_name)),
  comparison: (data) => rows(data.products).length && rows(data.rows).length,
  aftersale: (data) => line(data.number) || line(data.kind_label),
  coupons: (data) => rows(data.coupons).length,
  policy: (data) => rows(data.clauses).some((clause) => line(clause.text)),
};

/** The element of a message, or null where its kind is not known and its text has to do. `old`: of an earlier conversation. */
export function payload(message, _tools, { old = false } = {}) {
  if (!isRecord(message)) return null;
  if (message.type === "picture") return ownPicture(message.url) ? h(Drawn, { view: Picture, message }) : null;
  if (message.type === "rating") return old ? null : h(Drawn, { view: Rating, message });
  if (message.type !== "card" || !isRecord(message.data) || !Object.hasOwn(CARDS, message.card)) return null;
  return FILLED[message.card](message.data) ? h(Drawn, { view: CARDS[message.card], message }) : null;
}

function Drawn({ view, message }) {
  const tools = useView();
  return h(view, { message, data: message.data, tools });
}
