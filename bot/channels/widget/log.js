// The list of messages: what is said is drawn once, in the order of its place in the conversation.

import { cardElement, pictureElement } from "./cards.js";
import { byId, clock, make } from "./dom.js";
import { WORDS } from "./words.js";

const NEAR_END = 120; // px from the end within which new messages scroll into view

export class Log {
  #list = byId("log");
  #scroll = byId("scroll");
  #typing = byId("typing");
  #newest = byId("newest");
  #seen = new Set(); // seq of what is drawn
  #mine = new Map(); // message id -> element of the shopper's own message
  #waiting = new Set(); // message ids that are owed an answer
  #answered = new Set(); // an answer may overtake the acknowledgement
  #last = 0;

  /** `ontap(button)` for a next step, `onretry(messageId)` for a message that was not sent. */
  constructor({ ontap, onretry }) {
    this.ontap = ontap;
    this.onretry = onretry;
    this.#newest.addEventListener("click", () => this.#toEnd());
    this.#scroll.addEventListener("scroll", () => {
      if (this.#atEnd()) this.#newest.hidden = true;
    });
    // A phone's keyboard takes half of the page away.
    new ResizeObserver(() => this.#toEnd()).observe(this.#scroll);
  }

  /** The greatest place that has been drawn. */
  get last() {
    return this.#last;
  }

  clear() {
    this.#list.replaceChildren();
    this.#seen.clear();
    this.#mine.clear();
    this.#waiting.clear();
    this.#answered.clear();
    this.#last = 0;
    this.#typing.hidden = true;
  }

  /** Draw a message of the server, once. Returns whether it was new. */
  add(message) {
    if (!Number.isInteger(message.seq) || this.#seen.has(message.seq)) return false;
    this.#seen.add(message.seq);
    this.#last = Math.max(this.#last, message.seq);
    const follow = this.#atEnd();
    if (message.author === "shopper") this.#addOwn(message);
    else this.#place(this.#draw(message), message.seq);
    if (message.author !== "shopper" && message.type !== "notice") this.answered(message.in_reply_to);
    this.#follow(follow, message.author === "shopper");
    return true;
  }

  /** Draw what the shopper has just sent, before the server has it. */
  sending(messageId, text) {
    this.#retire();
    const state = make("span", { class: "state" }, WORDS.sending);
    const item = make("div", { class: "message mine", "data-state": "sending" },
      make("div", { class: "bubble" }, text), make("div", { class: "meta" }, state));
    this.#mine.set(messageId, item);
    this.#list.append(item);
    this.#toEnd();
  }

  /** The server has it. `owed`: it is answered at once; a person answers in her own time. */
  sent(messageId, owed = true, at = new Date().toISOString()) {
    this.#mark(messageId, "sent", make("time", { datetime: at }, clock(at)));
    if (!owed || this.#answered.has(messageId)) return;
    this.#owe(messageId, true);
    this.#follow(this.#atEnd(), true);
  }

  failed(messageId, reason) {
    const again = make("button", { type: "button", class: "again" }, WORDS.retry);
    again.addEventListener("click", () => this.onretry(messageId));
    this.#mark(messageId, "failed", make("span", { class: "state", role: "alert" }, reason), again);
    this.#owe(messageId, false);
  }

  resending(messageId) {
    this.#mark(messageId, "sending", make("span", { class: "state" }, WORDS.sending));
  }

  answered(messageId) {
    if (!messageId) return;
    this.#answered.add(messageId);
    this.#owe(messageId, false);
  }

  /** Nothing is owed any more. */
  calm() {
    this.#waiting.clear();
    this.#typing.hidden = true;
  }

  #owe(messageId, on) {
    if (on) this.#waiting.add(messageId);
    else this.#waiting.delete(messageId);
    this.#typing.hidden = this.#waiting.size === 0;
  }

  #addOwn(message) {
    const known = this.#mine.get(message.message_id);
    if (known) {
      known.dataset.seq = message.seq;
      return;
    }
    this.#retire();
    const item = make("div", { class: "message mine", "data-state": "sent" },
      make("div", { class: "bubble" }, message.text ?? ""),
      make("div", { class: "meta" }, make("time", { datetime: message.at }, clock(message.at))));
    if (message.message_id) this.#mine.set(message.message_id, item);
    this.#place(item, message.seq);
  }

  #draw(message) {
    const special = { card: cardElement, picture: pictureElement }[message.type];
    const body = special?.(message) || this.#bubble(message);
    const kind = message.type === "notice" ? "notice" : message.author === "agent" ? "agent" : "theirs";
    return make("div", { class: `message ${kind}` },
      kind === "agent" ? make("span", { class: "author" }, WORDS.agent(message.agent?.name)) : null,
      body,
      this.#buttons(message.buttons),
      kind === "notice" ? null : make("div", { class: "meta" }, make("time", { datetime: message.at }, clock(message.at))));
  }

  #bubble(message) {
    return message.text ? make("div", { class: "bubble" }, message.text) : null;
  }

  #buttons(buttons) {
    if (!Array.isArray(buttons) || !buttons.length) return null;
    return make("div", { class: "options", role: "group", "aria-label": WORDS.options }, buttons.map((button) => {
      const element = make("button", { type: "button", class: "option" }, String(button.title ?? ""));
      element.addEventListener("click", () => this.ontap(button));
      return element;
    }));
  }

  /** Next steps belong to the moment they were offered in: an old 确认 must not be tapped later. */
  #retire() {
    for (const option of this.#list.querySelectorAll(".option")) option.disabled = true;
  }

  #place(item, seq) {
    item.dataset.seq = seq;
    const later = [...this.#list.children].find((other) => Number(other.dataset.seq) > seq);
    // Without a later one it goes to the end, also below what is still unsent.
    this.#list.insertBefore(item, later ?? null);
  }

  #mark(messageId, state, ...meta) {
    const item = this.#mine.get(messageId);
    if (!item) return;
    item.dataset.state = state;
    item.querySelector(".meta").replaceChildren(...meta);
  }

  #atEnd() {
    return this.#scroll.scrollHeight - this.#scroll.scrollTop - this.#scroll.clientHeight < NEAR_END;
  }

  #follow(near, always) {
    if (near || always) this.#toEnd();
    else this.#newest.hidden = false;
  }

  #toEnd() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#newest.hidden = true;
  }
}
