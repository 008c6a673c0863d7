// The transcript: news are appended or replace what has changed; the reader's place is kept.
import { complain, elements, get, post, tell, tick } from "./wire.js";

const talk = document.getElementById("talk");
const log = document.getElementById("log");
const outbox = document.getElementById("outbox");
const scroll = document.getElementById("scroll");
const newer = document.getElementById("newer");
const cid = talk.dataset.cid;
export const base = `/desk/c/${cid}`;

const SEEN_EVERY_MS = 25000;
let running = false;
let again = false;
let seen = -1;

export const mine = () => talk.dataset.mine === "true";
export const lastSeq = () => Number(log.lastElementChild?.dataset.seq ?? 0);

function atEnd() { return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80; }
export function toEnd() { scroll.scrollTop = scroll.scrollHeight; newer.hidden = true; }

/** Put messages into the transcript, wherever they belong; return how many of the shopper's are new. */
export function merge(html, { open = false } = {}) {
  const follow = following || atEnd();
  let fresh = 0;
  let words = "";
  for (const item of elements(html)) {
    const old = document.getElementById(item.id);
    if (old) {
      if (old.dataset.v !== item.dataset.v && (open || !("revealed" in old.dataset))) old.replaceWith(item);
      else if (open) old.replaceWith(item);
      continue;
    }
    const seq = Number(item.dataset.seq);
    let next = log.lastElementChild;
    while (next && Number(next.dataset.seq) > seq) next = next.previousElementSibling;
    if (next) next.after(item); else log.prepend(item);
    if (seq > seen && item.classList.contains("shopper")) {
      fresh += 1;
      words = item.querySelector(".words")?.textContent ?? (item.querySelector(".picture") ? "[图片]" : "");
    }
    if (item.dataset.key) document.dispatchEvent(new CustomEvent("desk:stored", { detail: { key: item.dataset.key } }));
  }
  if (follow) toEnd(); else if (fresh) newer.hidden = false;
  if (fresh) tell(`顾客：${words}`);
  return fresh;
}

/** Fetch what is new, and how the conversation stands now. */
export async function news() {
  if (running) { again = true; return; }
  running = true;
  try {
    do {
      again = false;
      const answer = await (await get(`${base}/messages?after=${lastSeq()}`)).json();
      merge(answer.html);
      const head = document.getElementById("head");
      if (head.dataset.html !== answer.head) {
        const open = head.querySelector("details[open]") !== null;
        const focused = head.contains(document.activeElement);
        head.innerHTML = answer.head;
        head.dataset.html = answer.head;
        if (open) head.querySelector("details").open = true;
        if (focused) (head.querySelector("button") ?? head).focus();
        tick(head);
      }
      const before = { mine: talk.dataset.mine, owner: talk.dataset.owner, asked: talk.dataset.asked, style: talk.dataset.style };
      Object.assign(talk.dataset, { mine: String(answer.mine), owner: answer.owner, asked: String(answer.asked), style: answer.style });
      const changed = Object.keys(before).filter((name) => before[name] !== talk.dataset[name]);
      if (changed.length) document.dispatchEvent(new CustomEvent("desk:state", { detail: { changed } }));
      look();
    } while (again);
  } catch (error) {
    if (error.status === 404) location.assign("/desk/");
    else setTimeout(news, 4000);
  } finally { running = false; }
}

/** Tell the record, and with it colleagues, what this agent has before her. */
async function look(beat = false) {
  if (document.hidden) return;
  const seq = Math.max(lastSeq(), 0);
  if (!beat && seq <= seen) return;
  seen = Math.max(seen, seq);
  try { await post(`${base}/seen`, { seq: String(seq) }, { background: true }); } catch { /* the next beat tells it */ }
}

async function earlier() {
  const first = log.firstElementChild;
  try {
    const answer = await (await get(`${base}/messages?before=${first?.dataset.seq ?? 0}`, { own: true })).json();
    const height = scroll.scrollHeight;
    log.prepend(...elements(answer.html));
    scroll.scrollTop += scroll.scrollHeight - height;
    document.querySelector(".more-before").hidden = !answer.earlier;
  } catch (error) { complain(error); }
}

scroll.addEventListener("scroll", () => { if (atEnd()) newer.hidden = true; }, { passive: true });
newer.addEventListener("click", toEnd);
document.getElementById("before").addEventListener("click", earlier);
document.addEventListener("desk:changed", ({ detail }) => { if (detail.ids === null || detail.ids.includes(cid)) news(); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) news(); });
setInterval(() => look(true), SEEN_EVERY_MS);
// Whoever was at the end stays there when the reply box grows or what is sent comes in.
let following = true;
let top = 0;
scroll.addEventListener("scroll", () => {
  if (atEnd()) following = true;
  else if (scroll.scrollTop < top - 1) following = false; // she scrolled up; a smaller window is no scrolling
  top = scroll.scrollTop;
}, { passive: true });
const keep = new ResizeObserver(() => { if (following) toEnd(); });
keep.observe(scroll);
keep.observe(outbox);
// A picture that arrives late pushes the end away.
log.addEventListener("load", (event) => { if (event.target.tagName === "IMG" && following) toEnd(); }, true);

toEnd();
look();
