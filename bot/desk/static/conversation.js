// One conversation: what the head of the page offers, the questions before it, tips, keys.
import "./compose.js";
import { say } from "./compose.js";
import { refresh } from "./side.js";
import { base, merge, news } from "./transcript.js";
import { complain, get, post } from "./wire.js";

const talk = document.getElementById("talk");

async function act(where, fields = {}) {
  try {
    await post(`${base}/${where}`, fields);
    await news();
    return true;
  } catch (error) {
    complain(error);
    news(); // whoever lost sees at once who has it
    return false;
  }
}

async function take() {
  if (await act("take")) document.getElementById("words").focus();
}

async function rate(button) {
  const { rate: good, seq } = button.dataset;
  if (button.getAttribute("aria-pressed") === "true") { await act("rate", { seq, good: "" }); return reload(seq); }
  if (good === "0") {
    const dialog = document.getElementById("rate-dialog");
    dialog.querySelector("[name=seq]").value = seq;
    dialog.querySelector("[name=good]").value = good;
    dialog.querySelector("[name=comment]").value = "";
    dialog.showModal();
    return undefined;
  }
  await act("rate", { seq, good });
  return reload(seq);
}
/** Fetch a message further up again. */
async function reload(seq) {
  try { merge((await (await get(`${base}/messages?before=${Number(seq) + 1}`)).json()).html, { open: true }); } catch { /* the next news show it */ }
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest?.("button");
  if (!button) return;
  const { do: does, open, pane } = button.dataset;
  button.closest("details.menu")?.removeAttribute("open");
  if (does === "take") take();
  else if (does === "snooze") act("snooze", { for: button.dataset.for });
  else if (does === "flag") act("flag", { on: button.dataset.on });
  else if (open) document.getElementById(open).showModal();
  else if (pane) {
    talk.dataset.show = pane;
    for (const one of document.querySelectorAll("[data-pane]")) one.setAttribute("aria-pressed", String(one === button));
  } else if ("rate" in button.dataset) rate(button);
  else if ("cancel" in button.dataset) button.closest("dialog").close();
});

for (const form of document.querySelectorAll("form[data-post]:not(#order-form)")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form));
    const where = form.dataset.post;
    form.closest("dialog").close();
    // The words for the colleague come first: they are there when the conversation arrives.
    if (fields.note?.trim() && !(await say({ mode: "note", text: fields.note.trim() }))) return;
    if (!(await act(where, fields))) return;
    if (where === "rate") { reload(fields.seq); window.desk.toast("已记下您的评价。"); }
    if (where === "transfer") { form.reset(); window.desk.toast("已转接。"); }
    if (where === "back") window.desk.toast("已交还智能助手。");
    if (where === "close") window.desk.toast("会话已结束。");
    if (where === "flag") refresh();
  });
}

document.addEventListener("desk:key", ({ detail }) => {
  const press = (selector) => document.querySelector(selector)?.click();
  if (detail.key === "t") press('#head [data-do="take"]');
  else if (detail.key === "b") press('#head [data-open="back-dialog"]');
  else if (detail.key === "e") press('#head [data-open="close-dialog"]');
  else if (detail.key === "/") location.assign("/desk/?view=all#search");
});

// -- what a highlighted place says --------------------------------------------------------------------------------

const tip = document.createElement("p");
tip.className = "tip";
tip.id = "tip";
tip.setAttribute("role", "tooltip");
tip.hidden = true;
document.body.append(tip);

function explain({ target }) {
  const mark = target.closest?.("[data-tip]");
  if (!mark) { tip.hidden = true; return; }
  tip.textContent = mark.dataset.tip;
  tip.hidden = false;
  mark.setAttribute("aria-describedby", "tip");
  const at = mark.getBoundingClientRect();
  const size = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(8, Math.min(at.left, innerWidth - size.width - 8))}px`;
  tip.style.top = `${at.top - size.height - 6 < 8 ? at.bottom + 6 : at.top - size.height - 6}px`;
}
document.addEventListener("mouseover", explain);
document.addEventListener("focusin", explain);
document.getElementById("scroll").addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });
document.addEventListener("keydown", ({ key }) => { if (key === "Escape") tip.hidden = true; });
