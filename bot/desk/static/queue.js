// The live list: rows that have changed are fetched and put where their keys say; the others are not touched.
import "./notify.js";
import "./keys.js";
import { complain, elements, get, now, tell, tick } from "./wire.js";

const list = document.querySelector("#rows[data-live]");
const MOST = 60;
const PAUSE_MS = 400;
const waiting = new Set();
let everything = false;
let busy = false;
let last = 0;

function address(only) {
  const query = new URLSearchParams(list.hasAttribute("data-compact") ? "" : location.search);
  query.set("view", list.dataset.view);
  if (list.hasAttribute("data-compact")) query.set("compact", "1");
  if (only) query.set("only", only.join(","));
  return `/desk/queue?${query}`;
}

/** Put rows where they belong; `ids` are those that were asked for, null for all. */
export function place(rows, ids) {
  const found = new Map(rows.map((row) => [row.dataset.id, row]));
  const present = new Map([...list.children].map((row) => [row.dataset.id, row]));
  const focused = document.activeElement?.closest?.(".row-item")?.dataset.id;
  let added = 0;
  for (const id of ids ?? present.keys()) {
    if (!found.has(id) && present.has(id)) { present.get(id).remove(); present.delete(id); }
  }
  for (const [id, row] of found) {
    const old = present.get(id);
    mark(row);
    if (old && old.dataset.key === row.dataset.key) {
      if (old.dataset.html !== row.dataset.html) old.replaceWith(row);
      continue;
    }
    if (old) old.remove(); else added += 1;
    let low = 0;
    let high = list.children.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list.children[middle].dataset.key < row.dataset.key) low = middle + 1; else high = middle;
    }
    list.insertBefore(row, list.children[low] ?? null);
  }
  if (focused && focused !== document.activeElement?.closest?.(".row-item")?.dataset.id) {
    document.getElementById(`row-${focused}`)?.querySelector("a").focus();
  }
  const empty = document.getElementById("empty");
  if (empty) empty.hidden = list.children.length > 0;
  tick(list);
  if (added && !list.hasAttribute("data-compact")) tell(`列表里新增 ${added} 个会话`);
}

/** Remember what a row was made of, so that one that looks the same is left alone, and mark the open one. */
function mark(row) {
  row.dataset.html = hash(row.innerHTML);
  if (row.dataset.id === list.dataset.current) row.querySelector("a").setAttribute("aria-current", "page");
}

function hash(text) {
  let value = 5381;
  for (let i = 0; i < text.length; i += 1) value = ((value * 33) ^ text.charCodeAt(i)) | 0;
  return String(value);
}

/** Say whether a change may show in this list: dozens of colleagues' conversations change each second. */
function concerns(id, held = {}) {
  if (document.getElementById(`row-${id}`)) return true; // it may have to leave
  if (list.dataset.view === "mine") return held[id] === document.body.dataset.agent;
  if (list.dataset.view === "waiting") return !(id in held);
  return true;
}

async function refresh() {
  if (busy) return;
  busy = true;
  try {
    while (everything || waiting.size) {
      const pause = last + PAUSE_MS - Date.now();
      if (pause > 0) await new Promise((done) => setTimeout(done, pause));
      last = Date.now();
      const ids = everything || waiting.size > MOST ? null : [...waiting];
      everything = false;
      waiting.clear();
      const html = await (await get(address(ids))).text();
      const began = performance.now();
      place(elements(html), ids);
      performance.measure("desk-rows", { start: began, end: performance.now() });
    }
  } catch (error) {
    if (error.status !== 401) setTimeout(() => { everything = true; refresh(); }, 3000);
  } finally { busy = false; }
}

function wake() {
  for (const row of list.querySelectorAll(".row-item[data-wakes]")) {
    if (Date.parse(row.dataset.wakes) <= now()) { waiting.add(row.dataset.id); delete row.dataset.wakes; }
  }
  if (waiting.size) refresh();
}

if (list) {
  for (const row of list.children) mark(row);
  document.addEventListener("desk:changed", ({ detail }) => {
    if (detail.ids === null) everything = true;
    else detail.ids.filter((id) => concerns(id, detail.held)).forEach((id) => waiting.add(id));
    refresh();
  });
  document.addEventListener("desk:key", ({ detail }) => {
    if (detail.key !== "j" && detail.key !== "k") return;
    const rows = [...list.querySelectorAll(".row-item:not(.asleep) a")];
    if (!rows.length) return;
    const step = detail.key === "j" ? 1 : -1;
    const current = list.dataset.current;
    const at = current
      ? rows.findIndex((link) => link.closest(".row-item").dataset.id === current)
      : rows.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : (at + step + rows.length) % rows.length;
    if (current && at !== next) location.assign(rows[next].href);
    else if (!current) rows[next].focus();
  });
  setInterval(wake, 5000);
}
tick();
setInterval(() => { if (!document.hidden) tick(); }, 1000);
document.addEventListener("visibilitychange", () => tick());
for (const select of document.querySelectorAll("#filters select")) select.addEventListener("change", () => select.form.requestSubmit());
document.getElementById("filters")?.addEventListener("submit", (event) => {
  // An address holds only what is chosen.
  event.preventDefault();
  const chosen = [...new FormData(event.target)].filter(([, value]) => value);
  location.assign(`/desk/?${new URLSearchParams(chosen)}`);
});
window.addEventListener("unhandledrejection", ({ reason }) => complain(reason));
