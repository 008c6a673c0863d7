// The front's HTTP API. Nothing here touches the page.

const BASE = "/api/v1";
const PATIENCE_MS = 30000;

/** A request that was refused, or could not be made (status 0). */
export class ApiError extends Error {
  constructor(status, body = null, retryAfter = 0) {
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

  /** The conversation is not ours any more: another has to be opened. */
  get lost() {
    return this.code === "not_found";
  }

  /** The conversation is over: it can be read, not written to. */
  get over() {
    return this.code === "conversation_closed";
  }

  /** Nobody refused it; the same request may succeed later. */
  get passing() {
    return [0, 429, 502, 503, 504].includes(this.status);
  }
}

/** Random id for a message or a key; works without a secure context too. */
export function newId(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return prefix + Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

/** The customer that a token names, to tell customers apart; whether it is true is the server's to judge. */
export function subjectOf(token) {
  try {
    const [, middle] = token.split(".");
    const bytes = Uint8Array.from(atob(middle.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder().decode(bytes));
    return typeof sub === "string" && sub ? sub : null;
  } catch {
    return null;
  }
}

/** Calls of one page; `lang` is asked for in each of them. */
export class Api {
  constructor(lang) {
    this.lang = lang;
  }

  async call(path, { method = "GET", body, headers = {}, timeout = PATIENCE_MS } = {}) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), timeout);
    let response;
    let data = null;
    try {
      response = await fetch(path, {
        method,
        headers: { "Accept-Language": this.lang, ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: stop.signal,
        credentials: "omit",
        cache: "no-store",
      });
      data = await response.json().catch(() => null);
    } catch {
      throw new ApiError(0);
    } finally {
      clearTimeout(timer);
    }
    if (!response.ok) throw new ApiError(response.status, data, Number(response.headers.get("Retry-After")) || 0);
    return data;
  }

  /** Open a conversation; with `resume` the customer's running one, if there is any. The same `key` is the same opening. */
  open({ token = null, key, resume = false }) {
    return this.call(`${BASE}/conversations`, {
      method: "POST",
      body: resume ? { resume: true } : {},
      headers: { "Idempotency-Key": key, ...bearer(token) },
    });
  }

  /** New goods: `{ products }`, rows as in the card of products. */
  arrivals() {
    return this.call(`${BASE}/shelf/arrivals`);
  }

  /** One product: `{ product }`. */
  product(productId) {
    return this.call(`${BASE}/shelf/products/${encodeURIComponent(productId)}`);
  }
}

/** One conversation: its credentials, and what can be done with them. */
export class Conversation {
  #api;

  constructor(api, id, secret) {
    this.#api = api;
    this.id = id;
    this.secret = secret;
  }

  get lang() {
    return this.#api.lang;
  }

  #path(rest) {
    return `${BASE}/conversations/${encodeURIComponent(this.id)}/${rest}`;
  }

  #headers(more = {}) {
    return { "X-Conversation-Secret": this.secret, ...more };
  }

  #get(rest) {
    return this.#api.call(this.#path(rest), { headers: this.#headers() });
  }

  #put(rest, body) {
    return this.#api.call(this.#path(rest), { method: "PUT", headers: this.#headers(), body });
  }

  /** A page of messages after a place: `{ owner, messages, more }`. */
  messages(after) {
    return this.#get(`messages?after=${after}`);
  }

  /** A page of earlier conversations: `{ messages, before }`. */
  earlier(before) {
    return this.#get(before ? `earlier?before=${encodeURIComponent(before)}` : "earlier");
  }

  /** Hand in a message: `{ owner, replies, pending? }`. */
  chat(message) {
    return this.#api.call(`${BASE}/chat`, {
      method: "POST",
      headers: this.#headers(),
      body: { conversation_id: this.id, ...message },
    });
  }

  /** Bind it to the customer of a token. */
  identify(token) {
    return this.#api.call(this.#path("identify"), { method: "POST", headers: this.#headers(bearer(token)) });
  }

  /** How she is spoken to: `{ personalisation, style, chosen, line, choices }`. */
  manner() {
    return this.#get("manner");
  }

  /** Choose a style; null leaves it to the chat. */
  chooseManner(style) {
    return this.#put("manner", { style });
  }

  personalise(on) {
    return this.#put("personalisation", { on });
  }

  rating() {
    return this.#get("rating");
  }

  rate(rating) {
    return this.#put("rating", rating);
  }

  /** What was read of her last message; in demo mode alone. */
  reading() {
    return this.#get("reading");
  }

  /**
   * Upload a picture: `onprogress(share)` is told from 0 to 1. Answers as `chat`.
   * fetch() tells no progress, so this is the older way.
   */
  picture({ messageId, file, context, onprogress }) {
    return new Promise((resolve, reject) => {
      const form = new FormData();
      form.append("message_id", messageId);
      if (context) form.append("context", JSON.stringify(context));
      form.append("file", file, file.name || "picture");
      const request = new XMLHttpRequest();
      request.open("POST", this.#path("pictures"));
      for (const [name, value] of Object.entries(this.#headers({ "Accept-Language": this.lang }))) {
        request.setRequestHeader(name, value);
      }
      request.timeout = 120000;
      request.upload.onprogress = (event) => event.lengthComputable && onprogress?.(event.loaded / event.total);
      request.onload = () => {
        const data = parsed(request.responseText);
        if (request.status >= 200 && request.status < 300) resolve(data);
        else reject(new ApiError(request.status, data, Number(request.getResponseHeader("Retry-After")) || 0));
      };
      request.onerror = request.ontimeout = request.onabort = () => reject(new ApiError(0));
      request.send(form);
    });
  }
}

const bearer = (token) => (token ? { Authorization: `Bearer ${token}` } : {});

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
