// The chosen shopper's orders, and one of them with its parcel.

import { chat } from "./chat.js";
import { orders as ask, Refused } from "./data.js";
import { h, picture } from "./dom.js";
import { amount, deadline, moment, price } from "./format.js";
import { current, renew } from "./shopper.js";

const pressPicker = () => document.getElementById("who").click();

/** Her orders; null where nobody is logged in. A token that has ended meanwhile is renewed once. */
async function hers() {
  const shopper = await current();
  if (!shopper) return null;
  try {
    return await ask(shopper.token);
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 401) throw error;
    const again = await renew();
    return again && ask(again.token);
  }
}

function nobody(title) {
  return { title, content: [h("section", { class: "empty" },
    h("h1", null, title), h("p", null, "登录后才看得到订单。先选一位演示顾客。"),
    h("p", null, h("button", { type: "button", class: "primary", onclick: pressPicker }, "选一位顾客")))] };
}

/** What matters now, in one line. */
function soon(order) {
  const parcel = order.shipment;
  if (order.state === "unpaid" && order.pay_by) return `请在 ${deadline(order.pay_by)} 前付款`;
  if (order.state === "paid" && order.ship_by) return `${deadline(order.ship_by)} 前发货`;
  if (order.delivered_at) return `${moment(order.delivered_at)} 签收`;
  if (parcel?.exception) return `运输异常：${parcel.exception}，预计 ${deadline(parcel.expected_by)} 前送到`;
  if (parcel && (order.state === "shipped" || order.state === "exception")) return `预计 ${deadline(parcel.expected_by)} 前送到`;
  return null;
}

function items(order) {
  return h("ul", { class: "items" }, order.items.map((item) => h("li", null,
    picture(item.picture, 64),
    h("span", { class: "item-text" }, h("a", { href: `/demo/p/${item.product_id}` }, item.name), h("span", { class: "minor" }, item.sku_label)),
    h("span", { class: "item-cost" }, price(item.unit_price), h("span", { class: "minor" }, `× ${item.quantity}`)))));
}

const pill = (order) => h("span", { class: "pill", "data-state": order.state }, order.state_label);

function entry(order) {
  const line = soon(order);
  const latest = order.shipment?.trace[0];
  return h("li", { class: "sheet order" },
    h("div", { class: "order-head" },
      h("h2", null, h("a", { href: `/demo/orders/${order.number}` }, `订单 ${order.number}`)), pill(order)),
    h("p", { class: "minor" }, `${moment(order.placed_at)} 下单`),
    items(order),
    line && h("p", { class: "order-soon" }, line),
    latest && !order.delivered_at && h("p", { class: "minor" }, `${moment(latest.at)} ${latest.text}`),
    h("p", { class: "order-total" }, `共 ${order.items.reduce((sum, item) => sum + item.quantity, 0)} 件，实付 `, h("strong", { class: "price" }, price(order.total))));
}

/** Draw the list of her orders. */
export async function orders() {
  const title = "我的订单";
  const all = await hers();
  if (all === null) return nobody(title);
  const content = all.length === 0
    ? h("p", { class: "empty" }, "还没有订单。")
    : h("ul", { class: "orders", "aria-label": "订单" }, all.map(entry));
  return { title, content: [h("h1", null, title), content] };
}

function trace(parcel) {
  return h("ol", { class: "trace", reversed: true }, parcel.trace.map((step) =>
    h("li", null, h("time", { datetime: step.at }, moment(step.at)), h("span", null, step.text))));
}

function sums(order) {
  const lines = [["商品", order.goods_total], ["运费", order.freight]];
  return h("dl", { class: "facts" },
    lines.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, `${amount(value)} 元`))),
    Number(order.discount) > 0 && h("div", null, h("dt", null, "优惠"), h("dd", null, `−${amount(order.discount)} 元`)),
    h("div", null, h("dt", null, order.state === "unpaid" ? "应付" : "实付"), h("dd", null, h("strong", { class: "price" }, price(order.total)))),
    h("div", null, h("dt", null, "付款方式"), h("dd", null, order.payment_method)));
}

/** Draw one order; of somebody else it is as if it were not there. */
export async function order({ id }) {
  const all = await hers();
  if (all === null) return nobody(`订单 ${id}`);
  const found = all.find((one) => one.number === id);
  if (!found) throw new Refused(404, "unknown_order");
  const parcel = found.shipment;
  const line = soon(found);
  return {
    title: `订单 ${found.number}`,
    content: [
      h("p", { class: "back" }, h("a", { href: "/demo/orders" }, "‹ 我的订单")),
      h("div", { class: "order-head" }, h("h1", null, `订单 ${found.number}`), pill(found)),
      h("p", { class: "minor" }, `${moment(found.placed_at)} 下单${found.express ? "，加急配送" : ""}`),
      line && h("p", { class: "order-soon" }, line),
      h("p", { class: "actions" }, h("button", { type: "button", class: "primary", onclick: () => chat((zhixin) => zhixin.open()) }, "问问这个订单")),
      h("div", { class: "sheets" },
        h("section", { class: "sheet" }, h("h2", null, "商品"), items(found)),
        h("section", { class: "sheet" }, h("h2", null, "金额"), sums(found)),
        parcel && h("section", { class: "sheet" }, h("h2", null, "物流"),
          h("p", { class: "minor" }, `${parcel.carrier} ${parcel.tracking_number}`), trace(parcel))),
    ],
  };
}
