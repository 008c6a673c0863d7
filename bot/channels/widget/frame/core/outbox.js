// What she wrote and the server does not have yet: kept in the browser, sent one after the other under its own id.

import { ApiError } from "./api.js";
import { alone } from "./vault.js";

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30000;
const MOST_TRIES = 5; // of a message that the server breaks on
const ORPHAN_MS = 10 * 60 * 1000; // a picture of another tab is not waited for longer than this

/**
 * Messages on their way.
 *
 * `send(item, file, onprogress)` hands one in: it returns when the server has it and throws an `ApiError` where not.
 * `onchange(items)` hears what waits, `onsent(item)` what has arrived, `onlost()` that the conversation is not ours.
 * `files` outlives the outbox: pictures by message id.
 * An item is `{ message_id, text | button | picture, shown, at, turn, context?, failed?, waiting?, share? }`.
 */
export class Outbox {
  #vault;
  #on;
  #files; // message id -> the picture; a reload loses it
  #shares = new Map(); // message id -> how much of the picture is up
  #sending = false;
  #failures = 0;
  #timer = 0;
  #turn = 0;
  #open = true;
  #held = true;
  #unwatch;

  constructor(vault, handlers) {
    this.#vault = vault;
    this.#on = handlers;
    this.#files = handlers.files;
    this.#unwatch = vault.watch((what) => {
      if (what !== "out") return;
      this.#tell();
      this.#pump(); // the other tab may be gone before its message is sent
    });
  }

  /** Messages may leave from now on. */
  release() {
    this.#held = false;
    this.#tell();
    this.now();
  }

  /** They wait: there is no conversation at the moment. */
  hold() {
    this.#held = true;
  }

  items() {
    return this.#vault.unsent().map((item) => this.#seen(item));
  }

  add(item, file = null) {
    if (file) this.#files.set(item.message_id, file);
    this.#vault.putUnsent({ ...item, at: Date.now(), turn: (this.#turn += 1) });
    this.#tell();
    this.#pump();
  }

  /** Try a refused one again, or one that waits, at once. */
  retry(messageId) {
    const item = this.#vault.unsent().find((other) => other.message_id === messageId);
    if (!item) return;
    if (item.picture && !this.#files.has(messageId)) return;
    this.#vault.putUnsent({ ...item, failed: null, waiting: null, tries: 0 });
    this.#tell();
    this.now();
  }

  discard(messageId) {
    this.#files.delete(messageId);
    this.#vault.dropUnsent(messageId);
    this.#tell();
  }

  /** The line is back: do not sit out the pause. */
  now() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#failures = 0;
    this.#pump();
  }

  close() {
    this.#open = false;
    clearTimeout(this.#timer);
    this.#unwatch();
  }

  #tell() {
    if (this.#open) this.#on.onchange(this.items());
  }

  #seen(item) {
    if (!item.picture) return item;
    const share = this.#shares.get(item.message_id) ?? 0;
    if (this.#files.has(item.message_id)) return { ...item, share, file: this.#files.get(item.message_id) };
    const lost = item.tab === this.#on.tab || Date.now() - item.at > ORPHAN_MS;
    return lost ? { ...item, failed: { code: "file_lost" } } : item;
  }

  #next() {
    return this.items().find((item) => !item.failed && (!item.picture || item.file));
  }

  async #pump() {
    if (this.#sending || this.#timer || this.#held || !this.#open || !this.#next()) return;
    this.#sending = true;
    try {
      await alone(this.#vault.lock("sending"), () => this.#drain());
    } finally {
      this.#sending = false;
    }
    // What came while the lock was being given back.
    if (!this.#timer && this.#next()) queueMicrotask(() => this.#pump());
  }

  async #drain() {
    while (this.#open && !this.#held && !this.#timer) {
      const item = this.#next(); // read anew: another tab may have sent it
      if (!item) return this.#tell(); // an outbox before this one may have sent what was shown
      try {
        const { file, share, ...message } = item;
        await this.#on.send(message, file ?? null, (part) => this.#progress(item.message_id, part));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (!this.#open) return;
        this.#refused(item, error);
        continue;
      }
      this.#vault.dropUnsent(item.message_id); // also where she has begun anew meanwhile
      this.#files.delete(item.message_id);
      if (!this.#open) return;
      this.#failures = 0;
      this.#shares.delete(item.message_id);
      this.#on.onsent(item);
      this.#tell();
    }
  }

  #progress(messageId, share) {
    this.#shares.set(messageId, share);
    this.#tell();
  }

  #refused(item, error) {
    const { file, share, ...kept } = item;
    const tries = (item.tries ?? 0) + 1;
    if (error.lost || error.over) {
      this.hold();
      this.#on.onlost(error);
      return;
    }
    const wait = error.passing || (error.status >= 500 && tries < MOST_TRIES);
    if (wait) {
      const waiting = { code: error.status === 429 ? "rate_limited" : "no_line", seconds: error.retryAfter };
      this.#vault.putUnsent({ ...kept, tries, waiting });
      this.#rest(error.retryAfter * 1000);
    } else {
      this.#vault.putUnsent({ ...kept, tries, waiting: null, failed: { code: error.code || "refused", said: error.said } });
    }
    this.#tell();
  }

  #rest(atLeast) {
    this.#failures += 1;
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS) * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => {
      this.#timer = 0;
      this.#pump();
    }, Math.max(pause, atLeast));
  }
}
