// The demo shop: looks at the address, draws the page, and tells the chat who is here and what she looks at.

import { chat, embed, LINE } from "./chat.js";
import { Refused } from "./data.js";
import { fill, h } from "./dom.js";
import { list } from "./list.js";
import { order, orders } from "./orders.js";
import { preparePicker, showChosen } from "./picker.js";
import { product } from "./product.js";
import { chosen, current, onShopper, renew } from "./shopper.js";

const NAME = "知心商城（演示）";
const NARROW = "(max-width: 40rem)";

/** Address → how it is drawn, its tab, and what the chat is told that she looks at. */
const PAGES = [
  { path: /^\/demo\/?$/, draw: list, tab: "goods", context: () => ({}) },
  { path: /^\/demo\/p\/([^/]+)$/, draw: product, tab: "goods", context: (id) => ({ product_id: id }) },
  { path: /^\/demo\/orders$/, draw: orders, tab: "orders", hers: true, context: () => ({}) },
  { path: /^\/demo\/orders\/([^/]+)$/, draw: order, tab: "orders", hers: true, context: (id) => ({ order_id: id }) },
];
const NOWHERE = { draw: () => Promise.reject(new Refused(404, "")), tab: "", context: () => ({}) };

const main = document.getElementById("main");
let drawn = 0;

function route() {
  for (const page of PAGES) {
    const found = page.path.exec(location.pathname);
    if (found) return { page, id: found[1] ? decodeURIComponent(found[1]) : "" };
  }
  return { page: NOWHERE, id: "" };
}

/** What is said instead of a page. */
function instead(error) {
  const gone = error instanceof Refused && error.status === 404;
  const [title, words] = gone
    ? ["没有找到", "这个地址没有商品，也没有您的订单。"]
    : ["暂时打不开", "网络或商城暂时没有响应，请稍后再试。"];
  return { title, content: [h("section", { class: "empty" }, h("h1", null, title), h("p", null, words),
    h("p", null, gone ? h("a", { href: "/demo/" }, "看看全部商品") : h("button", { type: "button", onclick: () => draw() }, "再试一次")))] };
}

/** Draw the page of the address. What comes late for a page that was left is dropped. */
async function draw({ y = null, focus = false } = {}) {
  const mine = (drawn += 1);
  const { page, id } = route();
  for (const tab of document.querySelectorAll("[data-tab]")) {
    if (tab.dataset.tab === page.tab) tab.setAttribute("aria-current", "true");
    else tab.removeAttribute("aria-current");
  }
  main.setAttribute("aria-busy", "true");
  const made = await page.draw({ id, query: new URLSearchParams(location.search) }).catch(instead);
  if (mine !== drawn) return;
  fill(main, made.content);
  main.removeAttribute("aria-busy");
  document.title = `${made.title} · ${NAME}`;
  chat((zhixin) => zhixin.context({ ...page.context(id), page: made.title }));
  if (y !== null) scrollTo(0, y);
  if (focus) main.focus({ preventScroll: true });
}

/** Go to another page of the shop without leaving this document, so that an open chat stays open. */
function go(address) {
  history.replaceState({ y: scrollY }, "");
  history.pushState(null, "", address);
  draw({ y: 0, focus: true });
}

function ourLink(event) {
  const link = event.target.closest?.("a[href]");
  const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  const ours = link && link.origin === location.origin && link.pathname.startsWith("/demo/") && !link.target && !link.hash;
  return plain && ours && !event.defaultPrevented ? link : null;
}

document.addEventListener("click", (event) => {
  const link = ourLink(event);
  if (!link) return;
  event.preventDefault();
  go(link.pathname + link.search);
});
addEventListener("popstate", (event) => draw({ y: event.state?.y ?? 0, focus: true }));
if ("scrollRestoration" in history) history.scrollRestoration = "manual";

let before = chosen();
onShopper((shopper) => {
  showChosen(shopper);
  chat((zhixin) => zhixin.identify(shopper?.token ?? null));
  const another = shopper?.customer_id !== before?.customer_id;
  before = shopper;
  if (another && route().page.hers) draw();
});

chat((zhixin) => {
  zhixin.on("token", () => renew());
  zhixin.on("product", (detail) => {
    const id = detail?.product_id;
    if (typeof id !== "string") return;
    if (matchMedia(NARROW).matches) zhixin.close();
    go(`/demo/p/${encodeURIComponent(id)}`);
  });
});

preparePicker();
showChosen(chosen());
document.getElementById("line").textContent = LINE;
draw();
current().then((shopper) => embed(shopper?.token));
