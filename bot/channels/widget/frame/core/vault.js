// What is kept in the browser: for each customer apart, so that another one, or nobody, does not see it.

const ROOT = "zhixin.v1.";
const ANYBODY = "-"; // who has not logged in

/** A storage of the browser; memory for what it refuses (private windows, blocked third parties, no space left). */
class Place {
  #spare = new Map();
  #storage = null;

  constructor(name) {
    try {
      this.#storage = window[name];
    } catch {
      // Refused as a whole.
    }
  }

  is(storage) {
    return storage !== null && storage === this.#storage;
  }

  names() {
    const found = new Set(this.#spare.keys());
    for (let at = 0; at < (this.#storage?.length ?? 0); at += 1) found.add(this.#storage.key(at));
    return [...found];
  }

  get(name) {
    try {
      return JSON.parse(this.#spare.get(name) ?? this.#storage?.getItem(name) ?? null);
    } catch {
      return null;
    }
  }

  set(name, value) {
    const text = JSON.stringify(value);
    try {
      if (!this.#storage) throw new Error("refused");
      this.#storage.setItem(name, text);
      this.#spare.delete(name);
    } catch {
      this.#spare.set(name, text);
    }
  }

  drop(name) {
    this.#spare.delete(name);
    try {
      this.#storage?.removeItem(name);
    } catch {
      // Nothing to be done about it.
    }
  }

  dropAll(prefix) {
    for (const name of this.names()) if (name.startsWith(prefix)) this.drop(name);
  }
}

const SHARED = new Place("localStorage"); // with the other tabs
const OWN = new Place("sessionStorage"); // of this tab

/** The name of this tab, the same after a reload. */
export function tabId(fresh) {
  const kept = OWN.get(`${ROOT}tab`);
  if (typeof kept === "string") return kept;
  OWN.set(`${ROOT}tab`, fresh);
  return fresh;
}

/** Whom the shop named last in this tab, until she logged out; null: nobody. */
export function named() {
  const kept = OWN.get(`${ROOT}named`);
  return typeof kept === "string" ? kept : null;
}

export function setNamed(customer) {
  if (customer === null) OWN.drop(`${ROOT}named`);
  else OWN.set(`${ROOT}named`, customer);
}

/** Forget every customer in this browser, and let the other tabs know that she logged out. */
export function forgetCustomers() {
  const start = `${ROOT}c.`;
  const found = [...SHARED.names(), ...OWN.names()].filter((kept) => kept.startsWith(start));
  const prefixes = new Set(found.map((kept) => `${start}${kept.slice(start.length).split(".")[0]}.`));
  for (const prefix of prefixes) {
    SHARED.set(`${prefix}gone`, Date.now()); // first: what is missing afterwards is not taken for begun anew
    for (const place of [SHARED, OWN]) place.dropAll(prefix);
  }
}

/** What is kept for one customer, or for nobody. */
export class Vault {
  #prefix;

  /** @param {string | null} customer who she is; null: not logged in */
  constructor(customer) {
    this.customer = customer;
    this.#prefix = `${ROOT}${customer === null ? ANYBODY : `c.${encodeURIComponent(customer).replaceAll(".", "%2E")}`}.`;
  }

  get prefix() {
    return this.#prefix;
  }

  /** Name of a lock that all tabs of this customer share. */
  lock(name) {
    return this.#prefix + name;
  }

  /** The kept conversation: `{ id, secret, read }` (`read`: the place up to which she has seen it), or null. */
  get conversation() {
    const kept = this.#read(SHARED, "conversation");
    return typeof kept?.id === "string" && typeof kept?.secret === "string" ? kept : null;
  }

  keep(conversation) {
    this.#write(SHARED, "conversation", conversation);
  }

  /** Change some fields of the kept conversation, if it is still this one. */
  amend(id, fields) {
    const kept = this.conversation;
    if (kept?.id === id) this.keep({ ...kept, ...fields });
  }

  forgetConversation() {
    this.#drop(SHARED, "conversation");
    this.#drop(SHARED, "opening");
  }

  /** Key of the opening under way: an answer that got lost is asked for again under it, also by another tab. */
  openingKey(fresh) {
    const kept = this.#read(SHARED, "opening");
    if (typeof kept === "string") return kept;
    this.#write(SHARED, "opening", fresh);
    return fresh;
  }

  opened() {
    this.#drop(SHARED, "opening");
  }

  /** Messages that the server does not have yet, oldest first. */
  unsent() {
    const found = [];
    const start = `${this.#prefix}out.`;
    for (const name of SHARED.names()) {
      if (!name.startsWith(start)) continue;
      const item = SHARED.get(name);
      if (typeof item?.message_id === "string") found.push(item);
    }
    return found.sort((a, b) => a.at - b.at || a.turn - b.turn || (a.message_id < b.message_id ? -1 : 1));
  }

  putUnsent(item) {
    this.#write(SHARED, `out.${item.message_id}`, item);
  }

  dropUnsent(messageId) {
    this.#drop(SHARED, `out.${messageId}`);
  }

  /** What she was writing, in this tab. */
  get draft() {
    return this.#read(OWN, "draft") ?? "";
  }

  set draft(text) {
    if (text) this.#write(OWN, "draft", text);
    else this.#drop(OWN, "draft");
  }

  /** Id of the conversation in which she wrote in this tab, or null. */
  get wroteHere() {
    return this.#read(OWN, "wrote");
  }

  set wroteHere(id) {
    this.#write(OWN, "wrote", id);
  }

  /** Give what was not sent, and what she was writing, to another vault; of what was not sent, what is `hers`. */
  handOver(other, hers) {
    for (const item of this.unsent().filter(hers)) {
      other.putUnsent(item);
      this.dropUnsent(item.message_id);
    }
    if (this.draft) other.draft = this.draft;
    this.draft = "";
  }

  /** Forget what was written in this `tab`: the conversation too, where it was here. */
  clearWritten(tab) {
    const kept = this.conversation;
    if (kept && kept.id === this.wroteHere) SHARED.dropAll(this.#prefix);
    for (const item of this.unsent()) if (item.tab === tab) this.dropUnsent(item.message_id);
    this.clearOwn();
  }

  /** Forget what this tab alone keeps. */
  clearOwn() {
    OWN.dropAll(this.#prefix);
  }

  /** Hear what other tabs change: `fn("conversation" | "out" | "gone" | …)`; "gone": she logged out. Returns what ends it. */
  watch(fn) {
    const heard = (event) => {
      if (!SHARED.is(event.storageArea)) return;
      if (event.key === null) fn("conversation");
      else if (event.key === `${this.#prefix}gone` && event.newValue === null) return;
      else if (event.key.startsWith(this.#prefix)) fn(event.key.slice(this.#prefix.length).split(".")[0]);
    };
    window.addEventListener("storage", heard);
    return () => window.removeEventListener("storage", heard);
  }

  #read(place, name) {
    return place.get(this.#prefix + name);
  }

  #write(place, name, value) {
    place.set(this.#prefix + name, value);
  }

  #drop(place, name) {
    place.drop(this.#prefix + name);
  }
}

/** Do something while no other tab does it; without locks at once (message ids make doing it twice harmless). */
export async function alone(name, fn) {
  if (!navigator.locks?.request) return fn();
  let begun = false;
  try {
    return await navigator.locks.request(name, () => {
      begun = true;
      return fn();
    });
  } catch (error) {
    if (begun) throw error; // what fn() threw; else: locks are refused here
    return fn();
  }
}
