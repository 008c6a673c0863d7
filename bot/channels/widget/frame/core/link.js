// What the server pushes: by WebSocket; where that is blocked, asked for every four seconds.

import { ApiError } from "./api.js";

const POLL_MS = 4000;
const LONGEST_PAUSE_MS = 30000;
const PING_MS = 25000;
const PONG_MS = 10000;
const ACCEPTED_MS = 6000;
const UNAUTHORISED = 4401; // close code
const AGAIN = ["restarting", "unavailable", "internal"]; // nobody judged the message itself

/**
 * The line to one conversation; it comes back by itself.
 *
 * Handlers: `after()` says from where on messages are wanted, `onmessage(message)` gets them in order, `onowner({ owner, queue,
 * agent })` and `onstyle(name)` what changed, `onstate("ws" | "http" | "down")` how the line is, `onlost()` that the conversation is
 * not ours.
 */
export class Link {
  #conversation;
  #on;
  #socket = null;
  #ready = false;
  #closed = false;
  #failures = 0;
  #timers = { connect: 0, poll: 0, ping: 0, pong: 0 };
  #waiting = new Map();
  #state = "";
  #asking = null;

  constructor(conversation, handlers) {
    this.#conversation = conversation;
    this.#on = handlers;
    window.addEventListener("online", this.#online);
    window.addEventListener("offline", this.#offline);
    document.addEventListener("visibilitychange", this.#looked);
    this.#poll(POLL_MS); // a handshake may hang, and nothing says so
    this.#connect();
  }

  get ready() {
    return this.#ready;
  }

  /** Send a message and wait until it is accepted; false where that was not said in time. */
  send(message) {
    if (!this.#ready) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      const settle = (outcome, error) => {
        clearTimeout(timer);
        this.#waiting.delete(message.message_id);
        if (error) reject(error);
        else resolve(outcome);
      };
      const timer = setTimeout(() => settle(false), ACCEPTED_MS);
      this.#waiting.set(message.message_id, settle);
      this.#socket.send(JSON.stringify({ type: "message", ...message }));
    });
  }

  /** Ask by HTTP for what is not here yet. Returns whether the server answered. */
  catchUp() {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  /** Try again now, whatever the pause is. */
  hurry() {
    if (this.#closed) return;
    this.#failures = 0;
    if (!this.#socket) this.#connect();
    else if (!this.#ready) this.#poll(0);
  }

  close() {
    this.#closed = true;
    for (const timer of Object.values(this.#timers)) clearTimeout(timer);
    window.removeEventListener("online", this.#online);
    window.removeEventListener("offline", this.#offline);
    document.removeEventListener("visibilitychange", this.#looked);
    this.#settleAll();
    this.#socket?.close();
  }

  #online = () => this.hurry();

  #offline = () => {
    this.#socket?.close();
    this.#down();
    this.#tell("down");
  };

  #looked = () => {
    if (!document.hidden && !this.#ready) this.hurry();
  };

  #connect() {
    clearTimeout(this.#timers.connect);
    let socket;
    try {
      socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/ws`);
    } catch {
      this.#down();
      return;
    }
    this.#socket = socket;
    socket.onopen = () => {
      const { id, secret, lang } = this.#conversation;
      const more = lang === "zh-Hant" ? { lang } : {};
      socket.send(JSON.stringify({ type: "auth", conversation_id: id, secret, after: this.#on.after(), ...more }));
    };
    socket.onmessage = (event) => {
      if (this.#closed || socket !== this.#socket) return;
      let frame;
      try {
        frame = JSON.parse(event.data);
      } catch {
        return;
      }
      this.#take(frame);
    };
    socket.onclose = (event) => {
      if (socket !== this.#socket) return;
      if (event.code === UNAUTHORISED && !this.#closed) this.#on.onlost();
      else this.#down();
    };
  }

  #take(frame) {
    clearTimeout(this.#timers.pong);
    this.#timers.pong = 0;
    if (typeof frame.style === "string") this.#on.onstyle(frame.style);
    if (typeof frame.owner === "string") this.#on.onowner(frame);
    if (frame.type === "ready") {
      this.#ready = true;
      this.#failures = 0;
      clearTimeout(this.#timers.poll);
      this.#ping();
      this.#tell("ws");
    } else if (frame.type === "message") {
      this.#on.onmessage(frame.message);
    } else if (frame.type === "accepted") {
      this.#waiting.get(frame.message_id)?.(true);
    } else if (frame.type === "error") {
      this.#refused(frame);
    }
  }

  #refused(frame) {
    const settle = this.#waiting.get(frame.message_id);
    const code = frame.error?.code;
    if (AGAIN.includes(code)) settle?.(false); // by HTTP it is asked again until somebody takes it
    else settle?.(false, new ApiError(code === "rate_limited" ? 429 : 400, frame, frame.error?.retry_after ?? 0));
  }

  /** A line that is dead without having been closed is found out. */
  #ping() {
    clearInterval(this.#timers.ping);
    this.#timers.ping = setInterval(() => {
      if (!this.#ready || this.#timers.pong) return;
      this.#socket.send('{"type":"ping"}');
      this.#timers.pong = setTimeout(() => this.#socket?.close(), PONG_MS);
    }, PING_MS);
  }

  #settleAll() {
    for (const settle of [...this.#waiting.values()]) settle(false);
  }

  #down() {
    this.#ready = false;
    this.#socket = null;
    clearInterval(this.#timers.ping);
    clearTimeout(this.#timers.pong);
    this.#timers.pong = 0;
    this.#settleAll();
    if (this.#closed) return;
    this.#failures += 1;
    const pause = Math.min(1000 * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS) * (0.75 + Math.random() / 2);
    clearTimeout(this.#timers.connect);
    this.#timers.connect = setTimeout(() => this.#connect(), pause);
    this.#poll(0);
  }

  #poll(pause) {
    clearTimeout(this.#timers.poll);
    this.#timers.poll = setTimeout(async () => {
      if (this.#closed || this.#ready) return;
      const up = await this.catchUp();
      if (this.#closed || this.#ready) return;
      this.#tell(up ? "http" : "down");
      this.#poll(POLL_MS);
    }, pause);
  }

  async #ask() {
    try {
      for (let more = true; more && !this.#closed; ) {
        const before = this.#on.after();
        const page = await this.#conversation.messages(before);
        if (this.#closed) return true;
        (page.messages ?? []).forEach((message) => this.#on.onmessage(message));
        if (typeof page.style === "string") this.#on.onstyle(page.style);
        if (typeof page.owner === "string") this.#on.onowner(page);
        more = page.more === true && this.#on.after() > before;
      }
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.lost && !this.#closed) this.#on.onlost();
      return error.status !== 0 && error.status < 500;
    }
  }

  #tell(state) {
    if (state === this.#state || this.#closed) return;
    this.#state = state;
    this.#on.onstate(state);
  }
}
