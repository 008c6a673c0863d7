// Cards: orders, shipments, products, after-sales requests.

import { make, moment, money } from "./dom.js";
import { WORDS } from "./words.js";

const SHOWN_STEPS = 3;

/** Return the element of a card, or null where the card is unknown and its text has to do. */
export function cardElement(reply) {
  const draw = { order, shipment, products, aftersale }[reply.card];
  if (!draw || typeof reply.data !== "object" || reply.data === null) return null;
  return make("section", { class: `card card-${reply.card}` }, draw(reply.data));
}

function order(data) {
  return [
    head(`${WORDS.order} ${data.number ?? ""}`, data.state_label, data.state),
    items(data.items),
    facts([
      [WORDS.payBy, moment(data.pay_by)],
      [WORDS.shipBy, moment(data.ship_by)],
      [WORDS.expectedBy, data.delivered_at ? "" : moment(data.expected_by)],
      [WORDS.deliveredAt, moment(data.delivered_at)],
      [WORDS.placedAt, moment(data.placed_at)],
    ]),
    total(data),
  ];
}

function shipment(data) {
  return [
    head(`${WORDS.order} ${data.number ?? ""}`, data.state_label, data.state),
    items(data.items),
    data.exception ? make("p", { class: "warn" }, String(data.exception)) : null,
    facts([
      [data.carrier || WORDS.trackingNumber, data.tracking_number],
      [WORDS.expectedBy, data.delivered_at ? "" : moment(data.expected_by)],
      [WORDS.deliveredAt, moment(data.delivered_at)],
      [WORDS.promisedBy, moment(data.promised_by)],
    ]),
    timeline(data.trace),
  ];
}

function aftersale(data) {
  return [
    head(data.kind_label || WORDS.request, data.state_label, data.state),
    items(data.items),
    facts([
      [WORDS.request, data.number],
      [WORDS.order, data.order_number],
      [WORDS.reason, data.reason_label],
      [WORDS.refund, money(data.refund_amount)],
      [WORDS.reviewBy, moment(data.review_by)],
      [WORDS.refundBy, moment(data.refund_by)],
    ]),
    timeline(data.trace),
  ];
}

function products(data) {
  const list = data.products ?? data.items ?? [];
  return make("ul", { class: "products" }, list.map((p) => make("li", {},
    picture(p.picture, "product-picture"),
    make("div", { class: "product-text" },
      make("strong", {}, String(p.name ?? p.short_name ?? "")),
      p.reason_label || p.reason_text ? make("span", { class: "why" }, String(p.reason_label ?? p.reason_text)) : null,
      make("span", { class: "minor" }, productFacts(p)),
      Array.isArray(p.tags) && p.tags.length ? make("span", { class: "tags" }, p.tags.map((t) => make("i", {}, String(t)))) : null,
      make("b", { class: "price" }, money(p.price)),
    ),
  )));
}

function productFacts(p) {
  const found = [];
  if (p.rating) found.push(`${WORDS.rating} ${p.rating}`);
  if (p.sold_30_days) found.push(WORDS.sold(p.sold_30_days));
  if (p.stock === 0 || p.in_stock === false) found.push(WORDS.soldOut);
  return found.join(" · ");
}

function head(title, label, state) {
  return make("header", { class: "card-head" },
    make("span", {}, title),
    label ? make("span", { class: "badge", "data-state": state }, String(label)) : null);
}

function items(list) {
  if (!Array.isArray(list) || !list.length) return null;
  return make("ul", { class: "items" }, list.map((item) => make("li", {},
    picture(item.picture, "item-picture"),
    make("div", { class: "item-text" },
      make("span", {}, String(item.name ?? item.short_name ?? "")),
      make("span", { class: "minor" }, [item.sku_label, item.quantity > 1 ? `×${item.quantity}` : ""].filter(Boolean).join(" "))),
    make("span", { class: "price" }, money(item.unit_price)))));
}

function total(data) {
  if (!money(data.total)) return null;
  const freight = Number(data.freight) ? `${WORDS.freight} ${money(data.freight)}` : WORDS.freeFreight;
  const count = (data.items ?? []).reduce((sum, item) => sum + (Number(item.quantity) || 0), 0);
  return make("p", { class: "total" },
    make("span", { class: "minor" }, [count ? WORDS.pieces(count) : "", freight].filter(Boolean).join(" · ")),
    make("span", {}, `${WORDS.total} `, make("b", { class: "price" }, money(data.total))));
}

function facts(pairs) {
  const told = pairs.filter(([, value]) => value);
  return told.length
    ? make("dl", { class: "facts" }, told.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, String(value))]))
    : null;
}

function timeline(trace) {
  if (!Array.isArray(trace) || !trace.length) return null;
  const step = (event) => make("li", {},
    make("span", {}, [event.place, event.text].filter(Boolean).join(" · ")),
    make("time", { datetime: event.at }, moment(event.at)));
  const rest = trace.slice(SHOWN_STEPS);
  return make("div", { class: "trace" },
    make("ol", {}, trace.slice(0, SHOWN_STEPS).map(step)),
    rest.length
      ? make("details", {}, make("summary", {}, WORDS.earlier(rest.length)), make("ol", {}, rest.map(step)))
      : null);
}

function picture(path, name) {
  // Only the project's own drawings; a backend's free text never becomes an address.
  if (!/^pictures\/[\w-]+\.(svg|png|jpe?g|webp)$/.test(path ?? "")) return null;
  const image = make("img", { class: name, src: `/static/${path}`, alt: "", loading: "lazy", width: 64, height: 64 });
  image.addEventListener("error", () => image.remove());
  return image;
}

/** A picture that an agent sent: from this very origin, or not at all. */
export function pictureElement(message) {
  if (typeof message.url !== "string") return null; // "null" would be an address of this very origin
  let address;
  try {
    address = new URL(message.url, location.origin);
  } catch {
    return null;
  }
  if (address.origin !== location.origin || !/^https?:$/.test(address.protocol)) return null;
  const size = (value) => (Number.isInteger(value) && value > 0 ? value : null);
  const image = make("img", {
    class: "picture", src: address.pathname + address.search, alt: message.text || WORDS.picture, loading: "lazy",
    width: size(message.width), height: size(message.height),
  });
  const link = make("a", { class: "picture-link", href: image.getAttribute("src"), target: "_blank", rel: "noopener" }, image);
  image.addEventListener("error", () => link.replaceWith(make("div", { class: "bubble" }, message.text || WORDS.pictureLost)));
  return link;
}
