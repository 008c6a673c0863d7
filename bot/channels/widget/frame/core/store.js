// What is to be seen, in one place: views read it and are told when it changes.

const START = {
  phase: "starting", // starting, ready, failed
  customer: null, // whose conversation it is; null: not logged in
  conversation: "", // its id
  messages: [], // of this conversation, by place
  earlier: [], // of her earlier conversations, oldest first
  before: undefined, // cursor of what is earlier still; null: nothing is; undefined: not asked yet
  unsent: [], // what is on its way, oldest first
  owner: { owner: "BOT" },
  style: "neutral",
  personalisation: true,
  line: "starting", // ws, http, down
  owed: [], // ids of her messages that the assistant owes an answer to
  caught: false, // what had been said before is here
  shown: true, // the widget is open before her
  unread: 0,
  rating: undefined, // as stored; null: none
  context: null, // what she looks at: { product_id?, order_id?, page? }
  trouble: "", // why it could not be opened
};

export class Store {
  #state = START;
  #listeners = new Set();
  #answered = new Set(); // an answer may overtake the acknowledgement

  get state() {
    return this.#state;
  }

  /** Hear of changes; returns what ends it. */
  subscribe = (fn) => {
    this.#listeners.add(fn);
    return () => this.#listeners.delete(fn);
  };

  snapshot = () => this.#state;

  set(fields) {
    if (Object.entries(fields).every(([name, value]) => Object.is(this.#state[name], value))) return;
    this.#state = { ...this.#state, ...fields };
    for (const fn of [...this.#listeners]) fn(this.#state);
  }

  /** Begin with another conversation, or another customer: nothing of the one before stays. */
  reset(fields = {}) {
    const { shown, context } = this.#state;
    this.#answered.clear();
    this.set({ ...START, shown, context, ...fields });
  }

  /** The greatest place up to which everything is here. */
  get last() {
    return this.#state.messages.at(-1)?.seq ?? 0;
  }

  /** Take a message of the server, once. Returns whether it was new. */
  take(message) {
    const { messages, unsent, owed } = this.#state;
    if (!Number.isInteger(message?.seq) || message.seq <= this.last) return false;
    const mine = message.author === "shopper";
    const answers = !mine && message.type !== "notice" && message.in_reply_to;
    if (answers) this.#answered.add(message.in_reply_to);
    this.set({
      messages: [...messages, message],
      unsent: mine ? unsent.filter((item) => item.message_id !== message.message_id) : unsent,
      owed: answers ? owed.filter((id) => id !== message.in_reply_to) : owed,
    });
    return true;
  }

  /** Show what waits in the outbox; what has left it stays until the server shows it. */
  waiting(items) {
    const here = new Set(this.#state.messages.map((message) => message.message_id));
    const ids = new Set(items.map((item) => item.message_id));
    const left = this.#state.unsent.filter((item) => item.sent && !ids.has(item.message_id));
    this.set({ unsent: [...left, ...items].filter((item) => !here.has(item.message_id)) });
  }

  /** The server has it. */
  sent(item) {
    const at = new Date().toISOString();
    const known = this.#state.messages.some((message) => message.message_id === item.message_id);
    const others = this.#state.unsent.filter((other) => other.message_id !== item.message_id);
    const sent = { ...item, failed: null, waiting: null, sent: at };
    const first = others.findIndex((other) => !other.sent);
    if (!known) others.splice(first < 0 ? others.length : first, 0, sent);
    this.set({ unsent: others });
  }

  /** An answer to a message is owed, or is no longer. */
  owe(messageId) {
    const { owner, owed } = this.#state;
    if (owner.owner !== "BOT" || this.#answered.has(messageId) || owed.includes(messageId)) return;
    this.set({ owed: [...owed, messageId] });
  }

  settle(messageId) {
    this.set({ owed: this.#state.owed.filter((id) => id !== messageId) });
  }

  /** Say who answers. */
  owned({ owner, queue, agent }) {
    if (typeof owner !== "string") return;
    const now = { owner, ...(queue ? { queue } : {}), ...(agent ? { agent } : {}) };
    if (JSON.stringify(now) !== JSON.stringify(this.#state.owner)) this.set({ owner: now });
    if (owner !== "BOT") this.set({ owed: [] }); // a person answers in her own time
  }
}
