// What she has not seen yet: counted, told to the host, forgotten when it is before her eyes.

export class Unread {
  #store;
  #host;
  #vault;

  /** `vault()` is that of the customer at hand: it knows up to which place she has read. */
  constructor({ store, host, vault }) {
    this.#store = store;
    this.#host = host;
    this.#vault = vault;
    document.addEventListener("visibilitychange", () => this.look());
    store.subscribe(() => this.count());
  }

  /** What is before her eyes is read. */
  look() {
    const { shown, caught, conversation } = this.#store.state;
    const vault = this.#vault();
    const last = this.#store.last;
    if (shown && caught && !document.hidden && vault.conversation?.read !== last) vault.amend(conversation, { read: last });
    this.count();
  }

  count() {
    const { messages, caught, unread } = this.#store.state;
    if (!caught) return;
    const read = this.#vault().conversation?.read ?? 0;
    const now = messages.filter((message) => message.author !== "shopper" && message.seq > read).length;
    if (now === unread) return;
    this.#store.set({ unread: now });
    this.#host.tell("unread", { count: now });
  }

  /** Another conversation begins. */
  forget() {
    if (this.#store.state.unread) this.#host.tell("unread", { count: 0 });
  }
}
