// The chat page: who chats, what is sent, what comes back.

import { ApiError, Conversation, Link, demoLogin, demoShoppers, newId, openConversation } from "./api.js";
import { byId, make } from "./dom.js";
import { Log } from "./log.js";
import { Reading } from "./reading.js";
import { WORDS } from "./words.js";

const LIMIT = 1000; // characters of a message
const COUNT_FROM = 900;
const POLL_MS = 4000; // while there is no WebSocket
const PATIENCE_MS = 15000;
const KEPT = "zhixin.conversation"; // in this tab only: the secret opens the conversation

const input = byId("input");
const send = byId("send");
const log = new Log({ ontap: tap, onretry: retry });
const reading = new Reading();
const outbox = new Map(); // message id -> message, until the server has it
const said = new Map(); // message id -> what the shopper wrote, for the reading
let demo = false;
let conversation = null;
let link = null;
let queue = Promise.resolve(); // messages leave in the order they were written
let session = 0; // what answers to an earlier conversation is dropped
let answering = "BOT"; // who answers: BOT, WAITING, HUMAN or CLOSED

// --- who chats -------------------------------------------------------------------------------

async function start() {
  let shoppers;
  try {
    shoppers = await demoShoppers();
  } catch {
    return offline(start);
  }
  demo = shoppers !== null;
  reading.offer(demo);
  byId("restart").hidden = !demo;
  const kept = recall();
  if (kept) return enter(new Conversation(kept.id, kept.secret), kept.name, []);
  return demo ? pick(shoppers) : open(null, "");
}

function pick(shoppers) {
  byId("shoppers").replaceChildren(...shoppers.map((shopper) => {
    const button = make("button", { type: "button" },
      make("span", { class: "face", "aria-hidden": "true" }, [...String(shopper.name)][0] ?? ""),
      make("strong", {}, String(shopper.name)),
      make("span", { class: "minor" }, String(shopper.hint ?? "")));
    button.addEventListener("click", () => login(shopper));
    return make("li", {}, button);
  }));
  show("picker");
}

async function login(shopper) {
  trouble("");
  try {
    const { token } = await demoLogin(shopper.customer_id);
    await open(token, shopper.name);
  } catch {
    trouble(WORDS.loginFailed);
  }
}

async function open(token, name) {
  busy(true);
  try {
    const opened = await openConversation(token, newId("k_"));
    keep({ id: opened.conversation_id, secret: opened.secret, name });
    await enter(new Conversation(opened.conversation_id, opened.secret), name, opened.replies ?? [], opened);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (token) throw error;
    offline(() => open(token, name), error.said);
  } finally {
    busy(false);
  }
}

async function enter(opened, name, replies, state = { owner: "BOT" }) {
  session += 1;
  conversation = opened;
  log.clear();
  reading.clear();
  outbox.clear();
  byId("subtitle").textContent = name || WORDS.anonymous;
  owner(state);
  show("chat");
  replies.forEach(take);
  if (!(await catchUp())) return leave();
  link?.close();
  link = new Link(conversation, {
    after: () => log.last,
    onmessage: take,
    onstate: linked,
    onstyle: style,
    onowner: owner,
    onlost: leave,
  });
  input.focus();
  return read();
}

function leave() {
  session += 1;
  link?.close();
  link = null;
  conversation = null;
  sessionStorage.removeItem(KEPT);
  style("neutral");
  owner({ owner: "BOT" });
  input.value = "";
  resize();
  return start();
}

// --- what comes back -------------------------------------------------------------------------

/** Fetch what is not drawn yet; false where the conversation is not ours any more. */
async function catchUp() {
  const mine = session;
  try {
    for (let more = true; more; ) {
      const page = await conversation.messages(log.last);
      if (mine !== session) return true;
      const before = log.last;
      (page.messages ?? []).forEach(take);
      owner(page);
      more = page.more === true && log.last > before;
    }
  } catch (error) {
    if (error.lost) return false;
  }
  return true;
}

function take(message) {
  if (message.author === "shopper" && message.message_id) said.set(message.message_id, message.text);
  const fresh = log.add(message);
  if (fresh && message.in_reply_to && message.type !== "notice") scheduleRead();
}

/** Show who answers; `queue` is there while she waits, `agent` while a person answers. */
function owner({ owner: name, queue, agent }) {
  if (typeof name !== "string") return;
  answering = name;
  if (name !== "BOT") log.calm(); // a person answers in her own time
  const placed = Number.isInteger(queue?.position) && Number.isInteger(queue?.minutes);
  const lines = {
    WAITING: placed ? WORDS.place(queue.position, queue.minutes) : WORDS.waiting,
    HUMAN: WORDS.agent(agent?.name),
    CLOSED: WORDS.closed,
  };
  const line = lines[name] ?? WORDS.bot;
  if (byId("answering").textContent !== line) byId("answering").textContent = line; // read out once
  byId("owner").dataset.owner = name;
  const step = { WAITING: WORDS.cancelWait, CLOSED: WORDS.reopen }[name];
  byId("owner-step").hidden = !step;
  byId("owner-step").textContent = step ?? "";
  input.disabled = name === "CLOSED";
}

/** The step beside who answers: leave the queue, or begin anew. */
function ownerStep() {
  if (answering === "CLOSED") leave();
  else if (conversation) hand({ message_id: newId("m_"), text: WORDS.cancelWait }, WORDS.cancelWait);
  input.focus({ preventScroll: true });
}

function linked(up) {
  byId("link").textContent = up ? "" : WORDS.reconnecting;
}

// --- what is sent ----------------------------------------------------------------------------

function write() {
  const text = input.value;
  if (!conversation || !text.trim() || Array.from(text).length > LIMIT) return;
  input.value = "";
  resize();
  hand({ message_id: newId("m_"), text }, text);
}

function tap(button) {
  if (conversation) hand({ message_id: newId("m_"), button: button.id }, String(button.title));
  input.focus({ preventScroll: true });
}

function hand(message, shown) {
  outbox.set(message.message_id, message);
  if (message.text) said.set(message.message_id, shown);
  log.sending(message.message_id, shown);
  deliver(message);
}

function retry(messageId) {
  const message = outbox.get(messageId);
  if (!message) return;
  log.resending(messageId);
  deliver(message);
}

function deliver(message) {
  const mine = session;
  queue = queue.then(() => (mine === session ? transport(message, mine) : undefined));
}

/** By WebSocket where one is up, else by HTTP. The id makes a second delivery harmless. */
async function transport(message, mine) {
  const id = message.message_id;
  try {
    if (await link?.send(message)) {
      if (mine === session) done(id);
      return;
    }
    // The answer may take seconds; the message is on its way and the next one may follow.
    const posting = conversation.post(message);
    const timer = setTimeout(() => mine === session && outbox.has(id) && log.sent(id, answering === "BOT"), 1500);
    const answer = await posting.finally(() => clearTimeout(timer));
    if (mine !== session) return;
    done(id);
    if (answer.style) style(answer.style);
    (answer.replies ?? []).forEach(take);
    if (!answer.pending) log.answered(id);
    owner(answer);
  } catch (error) {
    if (mine !== session) return;
    if (!(error instanceof ApiError)) throw error;
    refused(id, error);
  }
}

function done(messageId) {
  const mine = session;
  outbox.delete(messageId);
  log.sent(messageId, answering === "BOT");
  // An answer that got lost on the way is fetched; in no case does the page "type" for ever.
  setTimeout(() => mine === session && catchUp().then(() => log.answered(messageId)), PATIENCE_MS);
}

function refused(messageId, error) {
  if (error.lost) leave();
  else if (error.status === 429) log.failed(messageId, WORDS.tooFast(error.retryAfter || 10));
  else if (error.code === "unknown_button") log.failed(messageId, WORDS.outdated);
  else log.failed(messageId, error.said || WORDS.failed);
}

// --- the reading (demo) ----------------------------------------------------------------------

let readTimer = 0;

function scheduleRead() {
  clearTimeout(readTimer);
  readTimer = setTimeout(read, 200);
}

async function read() {
  if (!demo || !conversation) return;
  const mine = session;
  try {
    const state = await conversation.reading();
    if (mine !== session) return;
    style(state.personalisation === false ? "neutral" : state.style ?? "neutral");
    reading.add(state, said.get(state.message_id));
  } catch {
    // The panel is an extra: the chat goes on without it.
  }
}

// --- the page --------------------------------------------------------------------------------

function show(name) {
  byId("picker").hidden = name !== "picker";
  byId("chat").hidden = name !== "chat";
  byId("restart").hidden = !demo || name !== "chat";
  byId("reading-toggle").hidden = !demo || name !== "chat";
  if (name === "picker") {
    reading.offer(false);
    byId("subtitle").textContent = "";
    byId("picker-title").focus(); // read out; the first shopper is one Tab away
  }
}

function style(name) {
  document.documentElement.dataset.style = name;
}

function trouble(line) {
  byId("picker-error").textContent = line;
  byId("picker-error").hidden = !line;
}

function busy(on) {
  for (const button of byId("picker").querySelectorAll("button")) button.disabled = on;
}

function offline(again, line = "") {
  const button = make("button", { type: "button", class: "again" }, WORDS.retryOpen);
  button.addEventListener("click", () => {
    byId("link").replaceChildren();
    again();
  });
  show("chat");
  byId("link").replaceChildren(line || WORDS.openFailed, " ", button);
}

function resize() {
  const length = Array.from(input.value).length;
  send.disabled = !input.value.trim() || length > LIMIT;
  byId("count").textContent =
    length > LIMIT ? WORDS.tooLong(length - LIMIT) : length >= COUNT_FROM ? WORDS.left(LIMIT - length) : "";
  byId("count").classList.toggle("over", length > LIMIT);
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight}px`;
}

const keep = (kept) => sessionStorage.setItem(KEPT, JSON.stringify(kept));

function recall() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT));
    return kept?.id && kept?.secret ? kept : null;
  } catch {
    return null;
  }
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  write();
});
input.addEventListener("input", resize);
input.addEventListener("keydown", (event) => {
  // Enter that confirms a word in an input method is not "send"; Safari tells by key code 229.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  write();
});
byId("anonymous").addEventListener("click", () => open(null, ""));
byId("restart").addEventListener("click", leave);
byId("owner-step").addEventListener("click", ownerStep);
window.addEventListener("online", () => conversation && catchUp());
setInterval(() => {
  if (conversation && !link?.ready && !document.hidden) catchUp();
}, POLL_MS);

start();
