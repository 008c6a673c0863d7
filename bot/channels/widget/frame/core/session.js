// Who she is and which conversation is hers: opened, taken up again, bound to her by login, begun anew when it is over.

import { Conversation, newId, subjectOf } from "./api.js";
import { toBox } from "./box.js";
import { deliver } from "./delivery.js";
import { readContext } from "./host.js";
import { Link } from "./link.js";
import { bringAlong } from "./login.js";
import { Opening } from "./opening.js";
import { Outbox } from "./outbox.js";
import { Unread } from "./unread.js";
import { Vault, forgetCustomers, named, setNamed, tabId } from "./vault.js";

const PATIENCE_MS = 15000; // after which an answer that got lost on the way is fetched, and nobody "types" any more
const HELLO_MS = 4000; // a host that does not say hello by then may be none
const AGAIN_MS = 15000; // until what could not be made hers is tried again

export class Session {
  #api;
  #store;
  #host;
  #token = null;
  #vault = new Vault(null);
  #conversation = null;
  #link = null;
  #outbox = null;
  #unwatch = () => {};
  #run = 0; // counts conversations: what belongs to an earlier conversation or customer is dropped
  #said = 0; // counts what is said of who she is: the last counts
  #again = 0; // timer
  #files = new Map(); // pictures on their way; a reload loses them
  #opening;
  #tab = tabId(newId("t_"));
  #unread;

  constructor({ api, store, host }) {
    this.#api = api;
    this.#store = store;
    this.#host = host;
    this.#unread = new Unread({ store, host, vault: () => this.#vault });
    this.#opening = new Opening(api, {
      onopen: (opened) => this.#use(this.#vault.conversation, opened),
      onrefused: (pause) => this.#refused(pause),
      onfail: (error) => this.#notOpened(error),
    });
    host.on("identify", ({ token }) => this.identify(token ?? null));
    host.on("context", ({ context }) => store.set({ context: readContext(context) }));
    host.on("shown", ({ open }) => this.#show(open === true));
    window.addEventListener("online", () => this.#back());
  }

  /** The conversation at hand, for calls beside messages; null while there is none. */
  get conversation() {
    return this.#conversation;
  }

  get api() {
    return this.#api;
  }

  /** What she was writing in this tab. */
  get draft() {
    return this.#vault.draft;
  }

  set draft(text) {
    this.#vault.draft = text;
  }

  /** Begin: with what the host says, or at once where there is none. */
  start() {
    if (!this.#host.embedded) return this.#become(null);
    this.#listen(); // what she writes until it is known who she is waits
    let begun = false;
    const begin = (said) => {
      const first = !begun;
      begun = true;
      clearTimeout(timer);
      const token = typeof said.token === "string" ? said.token : null;
      this.#store.set({ context: readContext(said.context) });
      if (first) this.#store.set({ shown: said.open !== false });
      else this.#show(said.open !== false); // it comes late, and counts all the same
      if (said.out === true) this.#leave();
      if (first || token !== null) this.identify(token, first);
      else if (said.out === true) this.#become(null);
    };
    const timer = setTimeout(() => begin({}), HELLO_MS);
    this.#host.on("hello", begin);
    this.#host.tell("ready");
    return undefined;
  }

  // --- who she is ----------------------------------------------------------------------------

  /** Another token, or none: she logged out; at the `start`: she has not logged in. */
  async identify(token, start = false) {
    const customer = token === null ? null : subjectOf(token);
    if (token !== null && customer === null) return this.#unreadable(start);
    const said = (this.#said += 1);
    clearTimeout(this.#again);
    if (token === null) {
      const left = !start && this.#leave();
      return start || left || this.#vault.customer !== null ? this.#become(null) : undefined;
    }
    if (named() !== null && named() !== customer) new Vault(null).clearWritten(this.#tab); // it is another one's
    setNamed(customer);
    if (customer === this.#vault.customer) {
      this.#token = token;
      if (!this.#conversation) this.#enter();
      this.#bringLate(said);
      return undefined;
    }
    const current = () => said === this.#said;
    const again = await bringAlong(this.#api, { token, customer, tab: this.#tab, current });
    if (!current()) return undefined; // she is somebody else by now
    if (again) this.#again = setTimeout(() => this.#bringLate(said), AGAIN_MS);
    return this.#become(token);
  }

  /** What could not be made hers when she logged in. */
  async #bringLate(said) {
    const current = () => said === this.#said && this.#token !== null;
    if (!current()) return;
    const { customer } = this.#vault;
    const again = await bringAlong(this.#api, { token: this.#token, customer, tab: this.#tab, current, late: true });
    if (!current()) return;
    if (again) this.#again = setTimeout(() => this.#bringLate(said), AGAIN_MS);
    this.#store.waiting(this.#outbox.items());
    this.#outbox.now();
  }

  /**
   * She logged out: nothing of hers stays in this browser, nor what was written here while the shop knew her and was not
   * made hers. Returns whether she had been known.
   */
  #leave() {
    forgetCustomers();
    this.#files.clear();
    const known = named() !== null;
    if (known) new Vault(null).clearWritten(this.#tab);
    setNamed(null);
    return known;
  }

  /** She logged out in another tab. */
  #left() {
    this.#said += 1;
    clearTimeout(this.#again);
    this.#vault.clearOwn();
    this.#files.clear();
    if (named() !== null) new Vault(null).clearWritten(this.#tab);
    setNamed(null);
    this.#become(null);
  }

  #unreadable(start) {
    this.#host.event("error", { code: "token_unreadable" });
    return start ? this.#become(null) : undefined;
  }

  #become(token) {
    this.#token = token;
    this.#vault = new Vault(token === null ? null : subjectOf(token));
    return this.#enter();
  }

  // --- which conversation --------------------------------------------------------------------

  /** Take up the kept conversation, or open one. */
  async #enter() {
    const run = this.#blank();
    const kept = this.#vault.conversation;
    if (kept) return this.#use(kept);
    // A shop's page that is merely looked at opens nothing.
    if (!this.#store.state.shown && this.#vault.unsent().length === 0) return this.#store.set({ phase: "asleep" });
    return this.#open({ resume: this.#token !== null }, run);
  }

  #open({ resume }, run) {
    return this.#opening.open({ vault: this.#vault, token: this.#token, resume, current: () => run === this.#run });
  }

  #refused(pause) {
    const said = this.#said;
    setTimeout(() => said === this.#said && this.#host.event("token", {}), pause);
    this.#become(null); // until a fresh one is here she is nobody
  }

  #notOpened(error) {
    this.#store.set({ phase: "failed", line: "down", trouble: error.said });
    this.#host.event("error", { code: error.code || "no_line" });
  }

  /** Go on with a conversation; what its opening brought is shown at once. */
  #use(kept, opened = null) {
    this.#conversation = new Conversation(this.#api, kept.id, kept.secret);
    this.#store.set({ phase: "ready", conversation: kept.id, trouble: "" });
    if (this.#token !== null) this.#host.event("identified", {});
    // Where the greeting is still to come, it is asked for with all the rest, in its order.
    if (opened && !opened.pending) (opened.replies ?? []).forEach((message) => this.#take(message));
    this.#link?.close();
    const link = new Link(this.#conversation, {
      after: () => this.#store.last,
      onmessage: (message) => this.#take(message),
      onowner: (said) => this.#owned(said),
      onstyle: (style) => this.#store.set({ style }),
      onstate: (line) => this.#line(line),
      onlost: () => this.#lost(),
    });
    this.#link = link;
    const run = this.#run;
    link.catchUp().then((there) => {
      if (run === this.#run && there) this.#caughtUp();
    });
    this.#outbox.release();
  }

  #listen() {
    this.#unwatch();
    this.#outbox?.close();
    const run = this.#run;
    this.#outbox = new Outbox(this.#vault, {
      tab: this.#tab,
      files: this.#files,
      send: (item, file, onprogress) => deliver(this.#conversation, this.#link, item, { file, onprogress }),
      onchange: (items) => this.#store.waiting(items),
      onsent: (item) => this.#arrived(item),
      onlost: () => this.#lost(),
    });
    if (this.#conversation) this.#outbox.release();
    this.#store.waiting(this.#outbox.items());
    this.#unwatch = this.#vault.watch((what) => {
      if (run === 0 || run !== this.#run) return; // she is not known yet, or is another one
      if (what === "gone") this.#left();
      if (what !== "conversation") return;
      this.#unread.count(); // read there is read here
      const kept = this.#vault.conversation; // another tab began anew, logged in or out
      if (kept?.id !== this.#conversation?.id && (kept || this.#conversation)) this.#enter();
    });
  }

  /** Nothing of the conversation before is at hand or to be seen any more. */
  #blank() {
    this.#opening.stop();
    this.#link?.close();
    this.#link = null;
    this.#conversation = null;
    this.#run += 1;
    this.#unread.forget();
    this.#store.reset({ customer: this.#vault.customer });
    this.#listen();
    return this.#run;
  }

  /** The conversation is not ours any more. */
  #lost() {
    this.#vault.forgetConversation();
    this.#enter();
  }

  /** Begin anew, at her wish; the earlier one stays in her history. */
  async begin() {
    this.#vault.forgetConversation();
    const run = this.#blank();
    await this.#open({ resume: false }, run);
  }

  // --- what comes ----------------------------------------------------------------------------

  #take(message) {
    const caught = this.#store.state.caught;
    if (!this.#store.take(message)) return;
    if (message.author !== "shopper" && caught) this.#host.event("message", { author: message.author, type: message.type });
    this.#unread.look();
  }

  #caughtUp() {
    const last = this.#store.state.messages.at(-1);
    this.#store.set({ caught: true });
    if (last?.author === "shopper" && Date.now() - new Date(last.at) < PATIENCE_MS) this.#owe(last.message_id);
    this.#unread.look();
  }

  #owned(said) {
    const before = this.#store.state.owner.owner;
    this.#store.owned(said);
    if (said.owner !== before) this.#host.event("owner", { owner: said.owner });
  }

  #line(line) {
    this.#store.set({ line });
    if (line === "down") return;
    this.#outbox.now();
    if (!this.#store.state.caught) this.#link.catchUp().then((there) => there && this.#caughtUp());
  }

  #back() {
    const { phase } = this.#store.state;
    if (phase === "failed") this.retryOpening();
    else this.#outbox?.now();
  }

  /** Try to open it now. */
  retryOpening() {
    this.#opening.hurry();
    if (this.#store.state.phase === "failed") this.#open({ resume: this.#token !== null }, this.#run);
  }

  // --- what is sent --------------------------------------------------------------------------

  /** Say something; `shown` is what she sees of it. */
  send(text, shown = text) {
    this.#hand({ message_id: newId("m_"), text, shown });
  }

  /** A tapped choice: the server knows it by its id; `about` is what it is about beside what she looks at. */
  tap(button, about = {}) {
    this.#hand({ message_id: newId("m_"), button: button.id, shown: String(button.title ?? "") }, null, about);
  }

  picture(file) {
    this.#hand({ message_id: newId("m_"), picture: true, name: file.name, shown: "" }, file);
  }

  retry(messageId) {
    this.#outbox.retry(messageId);
  }

  discard(messageId) {
    this.#outbox.discard(messageId);
  }

  #hand(message, file = null, about = {}) {
    const context = readContext({ ...this.#store.state.context, ...about });
    if (this.#conversation) this.#vault.wroteHere = this.#conversation.id;
    this.#outbox?.add({ ...message, tab: this.#tab, ...(context ? { context } : {}) }, file);
  }

  #arrived(item) {
    this.#store.sent(item);
    if (this.#conversation) this.#vault.wroteHere = this.#conversation.id;
    this.#owe(item.message_id);
  }

  #owe(messageId) {
    this.#store.owe(messageId);
    const run = this.#run;
    setTimeout(async () => {
      if (run !== this.#run || !this.#store.state.owed.includes(messageId)) return;
      await this.#link?.catchUp();
      if (run === this.#run) this.#store.settle(messageId);
    }, PATIENCE_MS);
  }

  // --- history, the host -----------------------------------------------------------------------

  /** Fetch a page of her earlier conversations. Returns whether there may be more. */
  async earlier() {
    const { customer, before } = this.#store.state;
    if (customer === null || before === null || !this.#conversation) return false;
    const run = this.#run;
    const page = await this.#conversation.earlier(before);
    if (run !== this.#run || before !== this.#store.state.before) return true;
    this.#store.set({ earlier: [...(page.messages ?? []), ...this.#store.state.earlier], before: page.before ?? null });
    return page.before !== null && page.before !== undefined;
  }

  #show(open) {
    this.#store.set({ shown: open });
    if (open && this.#store.state.phase === "asleep") this.#enter();
    if (open) toBox();
    this.#unread.look();
  }
}
