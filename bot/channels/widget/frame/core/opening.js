// A conversation is opened: once, whichever tab is first, and again by itself where the line fails.

import { ApiError, newId } from "./api.js";
import { alone } from "./vault.js";

const REOPEN_MS = [1000, 2000, 4000, 8000, 15000, 30000];

/**
 * Handlers: `onopen(opened)` gets the answer, null where another tab has opened one; `onrefused(pause)` where the token does
 * not do, with how long a fresh one is not to be asked for; `onfail(error)` where it is tried again later.
 */
export class Opening {
  #api;
  #on;
  #timer = 0;
  #failures = 0;
  #refusals = 0; // in a row: a page may give the same bad token again and again

  constructor(api, handlers) {
    this.#api = api;
    this.#on = handlers;
  }

  /** Try no more. */
  stop() {
    clearTimeout(this.#timer);
  }

  /** She asks for it herself: the pauses begin anew. */
  hurry() {
    this.#failures = 0;
  }

  /** `asked`: `{ vault, token, resume, current }`; what comes when it is not `current()` any more is dropped. */
  async open(asked) {
    this.stop();
    const { vault, token, resume, current } = asked;
    let opened = null;
    try {
      await alone(vault.lock("opening"), async () => {
        if (!current() || vault.conversation) return; // another tab was first
        const key = vault.openingKey(newId("k_"));
        opened = await this.#api.open({ token, key, resume });
        if (!current()) return;
        vault.keep({ id: opened.conversation_id, secret: opened.secret, read: 0 });
        vault.opened();
      });
      if (!current()) return;
      this.#failures = 0;
      if (token !== null) this.#refusals = 0;
      this.#on.onopen(opened);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (current()) this.#failed(error, asked);
    }
  }

  #failed(error, asked) {
    if (error.status === 401 && asked.token !== null) {
      this.#refusals += 1;
      this.#on.onrefused(this.#refusals > 1 ? REOPEN_MS[Math.min(this.#refusals - 2, REOPEN_MS.length - 1)] : 0);
      return;
    }
    if (!error.passing && error.status < 500) asked.vault.opened(); // this key will never do
    const pause = Math.max(REOPEN_MS[Math.min(this.#failures, REOPEN_MS.length - 1)], error.retryAfter * 1000);
    this.#failures += 1;
    this.#on.onfail(error);
    this.#timer = setTimeout(() => asked.current() && this.open(asked), pause);
  }
}
