// The side panel: fetched after the page, since it asks the shop; fetched again when the shopper has said more.
import { course } from "./course.js";
import { fill, say, switchTo } from "./compose.js";
import { base, merge, news } from "./transcript.js";
import { complain, elements, get, newKey, post } from "./wire.js";

const talk = document.getElementById("talk");
const side = document.getElementById("side");
let tab = "brief";
let asked = null;
let timer = 0;

export async function refresh() {
  asked?.abort();
  asked = new AbortController();
  side.setAttribute("aria-busy", "true");
  try {
    const html = await (await get(`${base}/customer`, { signal: asked.signal })).text();
    if (side.querySelector("input:focus")?.value) { later(4000); return; }
    const open = new Set([...side.querySelectorAll("details.order")].filter((one) => one.open).map(nameOf));
    const known = side.querySelector("details.order") !== null;
    const top = side.querySelector(".side-panel:not([hidden])")?.scrollTop ?? 0;
    const focused = side.contains(document.activeElement) ? document.activeElement.id : "";
    side.innerHTML = html;
    if (known) for (const one of side.querySelectorAll("details.order")) one.open = open.has(nameOf(one));
    show(tab);
    const panel = side.querySelector(".side-panel:not([hidden])");
    if (panel) panel.scrollTop = top;
    if (focused) document.getElementById(focused)?.focus();
    suggest();
    window.htmx?.process(side);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!side.querySelector(".side-tabs")) side.innerHTML = '<p class="empty">资料没有读出来，稍后会自动再试。</p>';
    later(8000);
  } finally { side.setAttribute("aria-busy", "false"); }
}
function later(ms) { clearTimeout(timer); timer = setTimeout(refresh, ms); }
const nameOf = (one) => one.querySelector("[data-order]")?.dataset.order;

function suggest() {
  const fresh = document.getElementById("suggestions-new");
  document.getElementById("suggestions").replaceChildren(...fresh.children);
  fresh.remove();
  const numbers = [...document.querySelectorAll("#orders-new li")].map((one) => new Option(one.dataset.number, one.dataset.number));
  document.getElementById("order-numbers").replaceChildren(...numbers);
}

function show(name) {
  if (!document.getElementById(`panel-${name}`)) return;
  tab = name;
  for (const one of side.querySelectorAll("[role=tab]")) {
    const on = one.id === `tab-${name}`;
    one.setAttribute("aria-selected", String(on));
    one.tabIndex = on ? 0 : -1;
    document.getElementById(one.getAttribute("aria-controls")).hidden = !on;
  }
  if (name === "type") course(document.getElementById("course"), talk.dataset.echarts);
}

async function open(button) {
  try {
    const html = await (await post(`${base}/reveal`, { what: button.dataset.reveal })).text();
    if (button.dataset.reveal.startsWith("message:")) { merge(html, { open: true }); return; }
    button.previousElementSibling.textContent = elements(`<p>${html}</p>`)[0].textContent;
    button.previousElementSibling.classList.remove("masked");
    button.remove();
  } catch (error) { complain(error); }
}

async function act(fields, where) {
  try {
    await post(`${base}/${where}`, fields);
    await Promise.all([news(), refresh()]);
  } catch (error) { complain(error); }
}

// -- orders ---------------------------------------------------------------------------------------------------

const dialog = document.getElementById("order-dialog");
const fields = document.getElementById("order-fields");
const fault = document.getElementById("order-error");
let doing = null;

function field(name, label, value = "") {
  const box = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { name, value, maxLength: 100, autocomplete: "off" });
  box.append(label, input);
  return box;
}
function choice(name, label, options) {
  const box = document.createElement("label");
  const select = document.createElement("select");
  select.name = name;
  select.required = true;
  select.append(new Option("请选择", ""), ...options.map(([code, text]) => new Option(text, code)));
  box.append(label, select);
  return box;
}
function ask(button) {
  const { act: code, order, title, goods } = button.dataset;
  // One key for one decision: however often it is sent, it is done once.
  doing = { key: newKey(), act: code, order };
  document.getElementById("order-title").textContent = title;
  fault.hidden = true;
  const what = document.createElement("p");
  what.textContent = `${goods}，订单 ${order}`;
  const more = {
    change_address: () => [field("consignee", "收件人（不改就留空）"), field("phone", "电话（不改就留空）"), field("province", "省"), field("city", "市"), field("district", "区县"), field("street", "详细地址")],
    after_sale: () => [choice("kind", "方式", JSON.parse(button.dataset.kinds)), choice("reason", "原因", JSON.parse(button.dataset.reasons))],
  }[code]?.() ?? [];
  const told = document.createElement("p");
  told.className = "minor";
  told.textContent = "办理后不会自动通知顾客，请您把结果告诉顾客。";
  fields.replaceChildren(what, ...more, told);
  dialog.showModal();
}
document.getElementById("order-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter;
  if (!doing || button.disabled) return;
  button.disabled = true;
  fault.hidden = true;
  try {
    const answer = await (await post(`${base}/order`, { ...doing, ...Object.fromEntries(new FormData(event.target)) })).json();
    dialog.close();
    window.desk.toast(answer.told);
    await Promise.all([news(), refresh()]);
  } catch (error) {
    fault.textContent = error.status ? error.message : "网络断开，不确定是否已办成。再点一次确认办理，不会重复。";
    fault.hidden = false;
  } finally { button.disabled = false; }
});

// -- events -----------------------------------------------------------------------------------------------------

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("button");
  if (!button) return;
  const { reveal, fill: words, card, about, name, act: code, correct, untag, mode } = button.dataset;
  if (reveal) open(button);
  else if (words && (side.contains(button) || button.closest("#suggestions"))) fill(words);
  else if (card && side.contains(button)) say({ card, about, name });
  else if (code) ask(button);
  else if (correct) act({ label: correct, key: newKey() }, "correct");
  else if (untag) act({ tag: untag, on: "0" }, "tag");
  else if (mode) { switchTo(mode); document.getElementById("words").focus(); }
  else if (button.getAttribute("role") === "tab") show(button.id.replace("tab-", ""));
});
side.addEventListener("keydown", (event) => {
  if (event.target.getAttribute?.("role") !== "tab" || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
  const all = [...side.querySelectorAll("[role=tab]")];
  const next = all[(all.indexOf(event.target) + (event.key === "ArrowRight" ? 1 : all.length - 1)) % all.length];
  show(next.id.replace("tab-", ""));
  next.focus();
});
side.addEventListener("submit", (event) => {
  if (event.target.id !== "tag-form") return;
  event.preventDefault();
  const input = event.target.elements.tag;
  const tag = input.value.trim();
  if (!tag) return;
  input.value = "";
  act({ tag }, "tag");
});
document.addEventListener("desk:state", ({ detail }) => { if (detail.changed.some((name) => name !== "asked")) refresh(); else later(600); });
document.addEventListener("desk:noted", () => later(300));
document.addEventListener("htmx:afterRequest", ({ detail }) => { if (side.contains(detail.elt) || !detail.elt.isConnected) later(300); });

refresh();
