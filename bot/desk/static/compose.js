// The reply box. What is sent stands in the transcript at once; what fails stays there and can be sent again under
// the same key, so that nothing is doubled. Drafts and what is unsent outlive a reload of the tab.
import { picker } from "./picker.js";
import { base, lastSeq, merge, mine, news, toEnd } from "./transcript.js";
import { Refused, complain, kept, newKey, post } from "./wire.js";

const talk = document.getElementById("talk");
const box = document.getElementById("words");
const outbox = document.getElementById("outbox");
const compose = document.getElementById("compose");
const preview = document.getElementById("preview");
const mentions = document.getElementById("mentions");
const agent = document.body.dataset.agent;
const DRAFT = `desk-draft-${agent}-${talk.dataset.cid}`;
const OUTBOX = `desk-outbox-${agent}-${talk.dataset.cid}`;
const CANNOT = { BOT: "智能助手正在接待，接入后才能回复顾客。", WAITING: "顾客在排队，接入后才能回复。", HUMAN: "同事正在处理，您可以写内部备注。", CLOSED: "会话已经结束。" };
const MOST = 2000;
const drafts = { reply: "", note: "" };
let mode = "reply";
let composing = false;
let sending = false;
let entries = [];

// -- drafts -----------------------------------------------------------------------------------------------

function restore() {
  try { Object.assign(drafts, JSON.parse(kept.get(DRAFT, sessionStorage) ?? "{}")); } catch { /* none */ }
  box.value = drafts[mode] ?? "";
  try { entries = JSON.parse(kept.get(OUTBOX, sessionStorage) ?? "[]"); } catch { entries = []; }
  entries = entries.filter((one) => !document.querySelector(`[data-key="${CSS.escape(one.key)}"]`));
  for (const one of entries) { one.state = "failed"; one.why = "页面刷新前没有收到回应，重试不会重复"; show(one); }
  save();
}
function save() {
  drafts[mode] = box.value;
  kept.set(DRAFT, drafts.reply || drafts.note ? JSON.stringify(drafts) : null, sessionStorage);
  const lasting = entries.filter((one) => !one.file).map(({ file, ...one }) => one);
  kept.set(OUTBOX, lasting.length ? JSON.stringify(lasting) : null, sessionStorage);
}

// -- what is on its way -------------------------------------------------------------------------------------

function show(one) {
  const item = document.createElement("li");
  item.id = `out-${one.key}`;
  item.className = `said ${one.mode === "note" ? "memo" : "agent"} unsent ${one.state}`;
  const bubble = document.createElement("article");
  bubble.className = "bubble";
  const by = document.createElement("header");
  by.className = "by";
  by.textContent = one.state === "failed" ? "未发送" : "正在发送…";
  const words = document.createElement("p");
  words.className = "words";
  words.textContent = one.text || one.name || "图片";
  bubble.append(by, words);
  if (one.state === "failed") {
    const why = document.createElement("p");
    why.className = "minor";
    why.textContent = one.why;
    const again = document.createElement("button");
    again.type = "button";
    again.className = "small";
    again.textContent = "重试";
    again.addEventListener("click", () => { one.state = "waiting"; redraw(one); pump(); });
    const drop = document.createElement("button");
    drop.type = "button";
    drop.className = "small quiet";
    drop.textContent = "不发了";
    drop.addEventListener("click", () => {
      entries = entries.filter((other) => other !== one);
      item.remove();
      if (one.text && !box.value) { switchTo(one.mode); box.value = one.text; box.focus(); }
      save();
    });
    const acts = document.createElement("p");
    acts.className = "acts";
    acts.append(again, drop);
    bubble.append(why, acts);
  }
  item.append(bubble);
  const old = document.getElementById(item.id);
  if (old) old.replaceWith(item); else outbox.append(item);
}
function redraw(one) { show(one); save(); }

/** Forget what the record holds, however its news came: as the answer, or live before it. */
function settle(key) {
  document.getElementById(`out-${key}`)?.remove();
  if (!entries.some((one) => one.key === key)) return;
  entries = entries.filter((one) => one.key !== key);
  save();
}
document.addEventListener("desk:stored", ({ detail }) => settle(detail.key));

/** Send what waits, one after the other, so that the shopper reads it in the order it was written. */
async function pump() {
  if (sending) return;
  sending = true;
  for (let one = entries.find((e) => e.state === "waiting"); one; one = entries.find((e) => e.state === "waiting")) {
    one.state = "sending";
    try {
      const answer = await (await deliver(one)).json();
      merge(answer.html);
      settle(one.key);
      toEnd();
      if (one.mode === "note") document.dispatchEvent(new CustomEvent("desk:noted"));
      if (one.key === waited?.key) waited.done(true);
    } catch (error) {
      const stored = !entries.includes(one); // only the answer was lost: the record had it, and told so live
      if (!stored) {
        one.state = "failed";
        one.why = error instanceof Refused ? error.message : "网络断开，没有发出去。";
        redraw(one);
      }
      if (error instanceof Refused && error.status === 401) complain(error);
      if (error instanceof Refused && [403, 409].includes(error.status)) news();
      if (one.key === waited?.key) waited.done(stored);
    }
  }
  sending = false;
}
let waited = null;

function deliver(one) {
  if (one.file) {
    const form = new FormData();
    form.append("key", one.key);
    form.append("file", one.file);
    return post(`${base}/picture`, form);
  }
  const fields = { key: one.key, text: one.text ?? "" };
  if (one.card) Object.assign(fields, { card: one.card, about: one.about });
  return post(`${base}/${one.mode}`, fields);
}

/** Send something of its own: a card, a picture, a note beside a transfer. Resolves to whether it was sent. */
export function say(entry) {
  const one = { key: newKey(), mode: "reply", state: "waiting", ...entry };
  entries.push(one);
  redraw(one);
  toEnd();
  const result = new Promise((done) => { waited = { key: one.key, done }; });
  pump();
  return result;
}

function send() {
  const text = box.value.trim();
  if (!text || (mode === "reply" && !mine())) return;
  entries.push({ key: newKey(), mode, text, state: "waiting" });
  box.value = "";
  preview.replaceChildren();
  save();
  show(entries[entries.length - 1]);
  grow();
  toEnd();
  pump();
}

// -- the box ------------------------------------------------------------------------------------------------

export function switchTo(next) {
  drafts[mode] = box.value;
  mode = next;
  box.value = drafts[mode] ?? "";
  compose.dataset.mode = mode;
  for (const one of ["reply", "note"]) document.getElementById(`mode-${one}`).setAttribute("aria-pressed", String(one === mode));
  document.getElementById("words-label").textContent = mode === "note" ? "内部备注" : "回复顾客";
  box.placeholder = mode === "note" ? "写备注，只有同事看得到；@ 可以叫同事" : "写回复。Enter 发送，Shift+Enter 换行，/ 常用语";
  able();
  preview.replaceChildren();
  check();
}

function able() {
  const can = mode === "note" || mine();
  const note = document.getElementById("cannot");
  box.readOnly = !can;
  document.getElementById("send").disabled = !can;
  for (const one of compose.querySelectorAll(".reply-only")) one.toggleAttribute("disabled", mode === "note" || !mine());
  compose.dataset.can = String(can);
  note.hidden = can;
  note.textContent = can ? "" : CANNOT[talk.dataset.owner] ?? "";
}

function grow() {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight + 2, 220)}px`;
  const left = MOST - [...box.value].length;
  document.getElementById("left").textContent = left < 300 ? `还可以写 ${left} 字` : "";
}

/** Put words into the box; with what is there already a new line is begun. */
export function fill(text) {
  if (mode !== "reply") switchTo("reply");
  const typed = box.value.trim();
  box.value = typed && !typed.startsWith("/") ? `${box.value.trimEnd()}\n${text}` : text;
  grow();
  save();
  check();
  box.focus();
  // What is left for the agent to fill in is selected.
  const gap = /〔[^〔〕]*〕/.exec(box.value);
  if (gap) box.setSelectionRange(gap.index, gap.index + gap[0].length);
}

let timer = 0;
let asked = null;
function check() {
  clearTimeout(timer);
  asked?.abort();
  const text = box.value.trim();
  if (mode !== "reply" || !mine() || text.length < 2 || text.startsWith("/")) { preview.replaceChildren(); return; }
  timer = setTimeout(async () => {
    asked = new AbortController();
    try {
      const html = await (await post(`${base}/draft`, { text }, { background: true, signal: asked.signal })).text();
      if (box.value.trim() === text && preview.innerHTML !== html) preview.innerHTML = html;
    } catch { /* a preview that fails is none */ }
  }, 500);
}

// -- colleagues in notes --------------------------------------------------------------------------------------

function calling() {
  const before = box.value.slice(0, box.selectionStart);
  const found = mode === "note" ? /@([^\s@]{0,12})$/.exec(before) : null;
  const names = found ? [...document.querySelectorAll("#colleagues option")].filter((one) => one.value.includes(found[1]) || one.dataset.login.startsWith(found[1])) : [];
  mentions.replaceChildren(...names.slice(0, 6).map((one, place) => {
    const item = document.createElement("li");
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(place === 0));
    item.textContent = one.value;
    item.addEventListener("mousedown", (event) => { event.preventDefault(); call(one.value); });
    return item;
  }));
  mentions.hidden = names.length === 0;
}
function call(name) {
  const at = box.selectionStart;
  const start = box.value.slice(0, at).lastIndexOf("@");
  box.setRangeText(`@${name} `, start, at, "end");
  mentions.hidden = true;
  save();
}
function choose(step) {
  const items = [...mentions.children];
  const at = items.findIndex((one) => one.getAttribute("aria-selected") === "true");
  items.forEach((one, place) => one.setAttribute("aria-selected", String(place === (at + step + items.length) % items.length)));
}

// -- events -----------------------------------------------------------------------------------------------------

box.addEventListener("compositionstart", () => { composing = true; });
box.addEventListener("compositionend", () => { setTimeout(() => { composing = false; }, 0); });
box.addEventListener("keydown", (event) => {
  // While a word is being chosen Enter belongs to the input method; some browsers only say so by 229.
  if (composing || event.isComposing || event.keyCode === 229) return;
  if (!mentions.hidden && ["ArrowDown", "ArrowUp", "Enter", "Tab", "Escape"].includes(event.key)) {
    event.preventDefault();
    if (event.key === "ArrowDown") choose(1);
    else if (event.key === "ArrowUp") choose(-1);
    else if (event.key === "Escape") mentions.hidden = true;
    else call(mentions.querySelector("[aria-selected=true]").textContent);
    return;
  }
  if (picker.isOpen() && picker.key(event)) return;
  if (event.key === "Enter" && !event.shiftKey && !event.altKey && !event.ctrlKey) { event.preventDefault(); send(); }
  if (event.key === "Escape") box.blur();
});
box.addEventListener("input", () => {
  save();
  grow();
  check();
  calling();
  if (mode === "reply" && mine() && /^\/\S{0,20}$/.test(box.value)) picker.open("canned", box.value);
  else if (picker.isOpen() && picker.followsBox()) picker.close();
});
box.addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files ?? [])].find((one) => one.type.startsWith("image/"));
  if (file && mode === "reply" && mine()) { event.preventDefault(); say({ file, name: "图片" }); }
});
document.getElementById("send").addEventListener("click", send);
document.getElementById("mode-reply").addEventListener("click", () => { switchTo("reply"); box.focus(); });
document.getElementById("mode-note").addEventListener("click", () => { switchTo("note"); box.focus(); });
document.getElementById("picture").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) say({ file, name: `图片 ${file.name}` });
  event.target.value = "";
});
document.getElementById("canned-open").addEventListener("click", () => picker.toggle("canned"));
document.getElementById("goods-open").addEventListener("click", () => picker.toggle("products"));
document.addEventListener("desk:state", () => { able(); check(); });
document.addEventListener("desk:key", ({ detail }) => {
  if (detail.key === "r") { switchTo("reply"); box.focus(); }
  if (detail.key === "n") { switchTo("note"); box.focus(); }
  if (detail.key === "c" && mine()) { switchTo("reply"); picker.open("canned", "", true); }
});
addEventListener("online", () => {
  for (const one of entries) if (one.state === "failed" && one.why.startsWith("网络")) { one.state = "waiting"; redraw(one); }
  pump();
});

picker.use({ fill, send: (entry) => say(entry), words: box });
compose.dataset.mode = mode;
restore();
able();
grow();
check();
if (entries.length && lastSeq()) toEnd();
