// What the pages' modules share: requests, fragments, time.

/** GET as text; `own` says that the agent asked for it, so that the idle time of the session starts anew. */
export async function get(address, { own = false, signal = undefined } = {}) {
  const headers = own ? {} : { "X-Desk-Background": "1" };
  const answer = await fetch(address, { credentials: "same-origin", headers, signal });
  if (!answer.ok) throw new Refused(answer.status, await answer.text());
  return answer;
}

/** POST a form; throws Refused with the server's sentence, or TypeError where there is no connection. */
export async function post(address, fields = {}, { background = false, signal = undefined } = {}) {
  const body = fields instanceof FormData ? fields : new URLSearchParams(fields);
  const headers = { "X-CSRF-Token": window.desk.token() };
  if (background) headers["X-Desk-Background"] = "1";
  const answer = await fetch(address, { method: "POST", body, headers, credentials: "same-origin", signal });
  if (!answer.ok) throw new Refused(answer.status, await answer.text());
  return answer;
}

/** The server said no; `message` is Chinese. */
export class Refused extends Error {
  constructor(status, text) {
    super(text && text.length < 200 ? text : "没有成功，请再试一次。");
    this.status = status;
  }
}

/** Tell the agent what went wrong. */
export function complain(error) {
  if (error.name === "AbortError") return;
  const text = error instanceof Refused ? error.message : "网络断开，没有成功。";
  window.desk.toast(text, { error: true, login: error.status === 401 });
}

/** Return the elements of a fragment. */
export function elements(html) {
  const made = document.createElement("template");
  made.innerHTML = html;
  return [...made.content.children];
}

/** Return a new key for a write. */
export function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

const sent = document.getElementById("now")?.dateTime;
const skew = sent ? Date.parse(sent) - Date.now() : 0;

/** The server's time, in milliseconds. */
export const now = () => Date.now() + skew;

function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} 秒`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} 分钟`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} 小时 ${minutes % 60} 分` : `${Math.floor(hours / 24)} 天`;
}

/** Write the waiting times below `root`. */
export function tick(root = document) {
  for (const at of root.querySelectorAll("time[data-since]")) {
    const ms = now() - Date.parse(at.dataset.since);
    const text = span(ms);
    if (at.textContent !== text) at.textContent = text;
    const level = ms > 8 * 60000 ? "hot" : ms > 3 * 60000 ? "warm" : "";
    if (at.dataset.level !== level) at.dataset.level = level;
  }
}

/** Say something to screen readers. */
export function tell(text) {
  const box = document.getElementById("told");
  if (box) box.textContent = text;
}

/** Read and write what this browser keeps; private windows may refuse. */
export const kept = {
  get(key, store = localStorage) { try { return store.getItem(key); } catch { return null; } },
  set(key, value, store = localStorage) {
    try { if (value === null) store.removeItem(key); else store.setItem(key, value); } catch { /* not kept, then */ }
  },
};
