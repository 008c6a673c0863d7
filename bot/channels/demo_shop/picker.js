// The choice of a demo shopper: a dialog with all of them, and one row for "nobody".

import { shoppers } from "./data.js";
import { fill, h, tell } from "./dom.js";
import { chosen, choose } from "./shopper.js";

const NOBODY = { customer_id: "", name: "不登录", hint: "像刚进店、还没登录的人" };

const dialog = document.getElementById("picker");
const list = document.getElementById("shoppers");

function row(person) {
  const current = (chosen()?.customer_id ?? "") === person.customer_id;
  return h("li", null, h("button", {
    type: "button", class: "person", "aria-current": current ? "true" : null, onclick: () => pick(person),
  },
  h("span", { class: "who-mark", "aria-hidden": "true" }, person.customer_id ? person.name.slice(0, 1) : "？"),
  h("span", { class: "person-text" }, h("strong", null, person.name), h("span", null, person.hint)),
  current && h("span", { class: "person-now" }, "当前")));
}

async function pick(person) {
  try {
    await choose(person.customer_id ? person : null);
  } catch {
    failed("没能登录，请再选一次。", false);
    return;
  }
  dialog.close();
  tell(person.customer_id ? `现在是${person.name}` : "已退出登录");
}

function failed(words, empty = true) {
  const line = h("li", { class: "person-none", role: "alert" }, words);
  if (empty) fill(list, line);
  else {
    list.querySelector(".person-none")?.remove();
    list.prepend(line);
  }
}

async function show() {
  fill(list, h("li", { class: "person-none" }, "正在打开…"));
  dialog.showModal();
  try {
    const people = await shoppers();
    fill(list, [NOBODY, ...people].map(row));
    list.querySelector("[aria-current]")?.focus();
  } catch {
    failed("顾客名单暂时打不开，请关闭后再试。");
  }
}

/** Make the button of the head open the dialog. */
export function preparePicker() {
  document.getElementById("who").addEventListener("click", show);
  document.getElementById("picker-close").addEventListener("click", () => dialog.close());
  // The dialog fills itself with its padding's worth of children: a click on itself is one beside it.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}

/** Show in the head who is chosen. */
export function showChosen(shopper) {
  document.getElementById("who-name").textContent = shopper ? shopper.name : "未登录";
  document.querySelector("#who .who-mark").textContent = shopper ? shopper.name.slice(0, 1) : "？";
}
