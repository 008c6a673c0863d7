// The front's HTTP API and WebSocket. Nothing here touches the page.

const BASE = "/api/v1";

/** A request that was refused, or could not be made (status 0). */
export class ApiError extends Error {
  constructor(status, body, retryAfter) {
    super(`status ${status}`);
    this.status = status;
    this.body = body;
    this.retryAfter = retryAfter;
  }

  /** Stable word for the cause, or "". */
  get code() {
    return this.body?.error?.code ?? "";
  }

  /** What the server says to a shopper, or ""; lines for integrators are English. */
  get said() {
    const line = this.body?.error?.message;
    return /[\u4e00-\u9fff]/.test(line) ? line : "";
  }

  /** The conversation is not ours, or over: a new one has to be opened. */
  get lost() {
    return [401, 403, 404].includes(this.status) || ["not_found", "conversation_closed"].includes(this.code);
  }
}

/** Random id for a message or a key; works without a secure context too. */
export function newId(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return prefix + Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

async function call(path, { method = "GET", body, headers = {}, timeout = 30000 } = {}) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), timeout);
  let response;
  let data = null;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: stop.signal,
      credentials: "same-origin",
      cache: "no-store",
    });
    data = await response.json().catch(() => null);
  } catch {
    throw new ApiError(0, null, 0);
  } finally {
    clearTimeout(timer);
  }
  if (!response.ok) throw new ApiError(response.status, data, Number(response.headers.get("Retry-After")) || 0);
  return data;
}

/** The demo shoppers, or null where there is no demo. */
export async function demoShoppers() {
  try {
    const { shoppers } = await call("/demo/shoppers");
    return shoppers;
  } catch (error) {
    if (error.status >= 400 && error.status < 500) return null;
    throw error;
  }
}

export const demoLogin = (customerId) =>
  call("/demo/login", { method: "POST", body: { customer_id: customerId } });

export const openConversation = (token, key) =>
  call(`${BASE}/conversations`, {
    method: "POST",
    body: {},
    headers: { "Idempotency-Key": key, ...(token ? { Authorization: `Bearer ${token}` } : {}) },
  });

/** One conversation: its credentials, and what can be done with them. */
export class Conversation {
  constructor(id, secret) {
    this.id = id;
    this.secret = secret;
  }

  #path(rest) {
    return `${BASE}/conversations/${encodeURIComponent(this.id)}/${rest}`;
  }

  #headers() {
    return { "X-Conversation-Secret": this.secret };
  }

  messages(after) {
    return call(this.#path(`messages?after=${after}`), { headers: this.#headers() });
  }

  reading() {
    return call(this.#path("reading"), { headers: this.#headers() });
  }

  post(message) {
    return call(`${BASE}/chat`, {
      method: "POST",
      headers: this.#headers(),
      body: { conversation_id: this.id, ...message },
    });
  }
}

const UNAUTHORISED = 4401; // close code

/**
 * A WebSocket that comes back by itself.
 *
 * `onmessage(message)` gets each message of the conversation once per connection, `onstate(up)` whether it is up,
 * `onstyle(name)` and `onowner({ owner, queue, agent })` what changed, `onlost()` that the conversation is not ours, `after()` says
 * from where on messages are wanted.
 */
export class Link {
  #conversation;
  #on;
  #socket = null;
  #ready = false;
  #closed = false;
  #failures = 0;
  #timer = 0;
  #waiting = new Map();

  constructor(conversation, handlers) {
    this.#conversation = conversation;
    this.#on = handlers;
    this.#connect();
  }

  get ready() {
    return this.#ready;
  }

  /** Send a message and wait until it is accepted; false where that was not said in time. */
  send(message, timeout = 6000) {
    if (!this.#ready) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      const settle = (outcome, error) => {
        clearTimeout(timer);
        this.#waiting.delete(message.message_id);
        if (error) reject(error);
        else resolve(outcome);
      };
      const timer = setTimeout(() => settle(false), timeout);
      this.#waiting.set(message.message_id, settle);
      this.#socket.send(JSON.stringify({ type: "message", ...message }));
    });
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #connect() {
    const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${BASE}/ws`;
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onopen = () => {
      const { id, secret } = this.#conversation;
      socket.send(JSON.stringify({ type: "auth", conversation_id: id, secret, after: this.#on.after() }));
    };
    socket.onmessage = (event) => {
      if (this.#closed) return;
      let frame;
      try {
        frame = JSON.parse(event.data);
      } catch {
        return;
      }
      this.#take(frame);
    };
    socket.onclose = (event) => this.#down(event.code);
  }

  #take(frame) {
    if (typeof frame.style === "string") this.#on.onstyle(frame.style);
    if (typeof frame.owner === "string") this.#on.onowner(frame);
    if (frame.type === "ready") {
      this.#ready = true;
      this.#failures = 0;
      this.#on.onstate(true);
    } else if (frame.type === "message") {
      this.#on.onmessage(frame.message);
    } else if (frame.type === "accepted") {
      this.#waiting.get(frame.message_id)?.(true);
    } else if (frame.type === "error") {
      const wait = frame.error?.retry_after ?? 0;
      const error = new ApiError(frame.error?.code === "rate_limited" ? 429 : 400, frame, wait);
      this.#waiting.get(frame.message_id)?.(false, error);
    }
  }

  #down(code) {
    this.#ready = false;
    for (const settle of [...this.#waiting.values()]) settle(false);
    if (this.#closed) return;
    if (code === UNAUTHORISED) {
      this.#closed = true;
      this.#on.onlost();
      return;
    }
    this.#on.onstate(false);
    this.#failures += 1;
    const pause = Math.min(1000 * 2 ** (this.#failures - 1), 30000) * (0.75 + Math.random() / 2);
    this.#timer = setTimeout(() => this.#connect(), pause);
  }
}
