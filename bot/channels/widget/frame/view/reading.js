// The demonstration: what each turn was read as, how sure, and from which words.

import { h, useEffect, useState } from "./kit.js";
import { isRecord, line, rows } from "./values.js";

const KEPT = 30; // turns
const PAUSE_MS = 200; // one answer may be several messages
const TYPES = ["power", "perfect", "peace", "lively"];

/** What was read of the turns of a conversation, newest first. The front tells the latest alone, so it is asked after each. */
class Readings {
  turns = [];
  off = false;
  #asked = 0;
  #hear = new Set();

  /** Ask for the latest; `said(messageId)` is what the shopper wrote. */
  async ask(conversation, said) {
    const mine = (this.#asked += 1);
    let state;
    try {
      state = await conversation.reading();
    } catch {
      return; // an extra: the chat goes on without it
    }
    if (mine !== this.#asked || !isRecord(state)) return;
    this.off = state.personalisation === false;
    if (this.off) this.turns = [];
    else if (isRecord(state.reading)) {
      const turn = { id: line(state.message_id, 80), style: line(state.style, 20), reading: state.reading, said: line(said(state.message_id), 1000) };
      this.turns = [turn, ...this.turns.filter(({ id }) => id !== turn.id)].slice(0, KEPT);
    }
    this.#tell();
  }

  /** Another conversation: nothing of this one stays. */
  clear() {
    this.#asked += 1;
    this.turns = [];
    this.off = false;
    this.#tell();
  }

  watch(hear) {
    this.#hear.add(hear);
    return () => this.#hear.delete(hear);
  }

  #tell() {
    for (const hear of this.#hear) hear();
  }
}

const readings = new Readings();

/** Read along: ask after each answer, begin anew with each conversation. Returns what ends it. */
export function follow({ store, session }) {
  let known = "";
  let timer = 0;
  const look = () => {
    const { conversation, messages, personalisation } = store.snapshot();
    const answered = messages.findLast((message) => message.in_reply_to && message.author === "bot");
    const now = `${conversation} ${answered?.in_reply_to ?? ""} ${personalisation}`;
    if (now === known) return;
    if (!known.startsWith(`${conversation} `)) readings.clear();
    known = now;
    clearTimeout(timer);
    timer = setTimeout(() => {
      const said = (id) => store.snapshot().messages.find((message) => message.message_id === id)?.text;
      if (session.conversation) readings.ask(session.conversation, said);
    }, PAUSE_MS);
  };
  const end = store.subscribe(look);
  look();
  return () => {
    end();
    clearTimeout(timer);
  };
}

/** The turns read so far. */
export function Turns({ words }) {
  const [, draw] = useState(0);
  useEffect(() => readings.watch(() => draw((times) => times + 1)), []);
  if (readings.off) return h("p", { className: "z-minor" }, words.off);
  if (!readings.turns.length) return h("p", { className: "z-minor" }, words.empty);
  return readings.turns.map((turn) => h(Turn, { key: turn.id, turn, words }));
}

function Turn({ turn, words }) {
  const { reading } = turn;
  const mood = Object.hasOwn(words.moods, reading.mood) ? words.moods[reading.mood] : "";
  const style = Object.hasOwn(words.styles, turn.style) ? turn.style : "neutral";
  return h("article", { className: "z-turn-read" },
    turn.said && h("p", { className: "z-quote" }, marked(turn.said, reading.evidence)),
    h("p", { className: "z-verdict" },
      h("span", null, `${words.served}${words.colon}`, h("b", null, words.styles[style])),
      style === "neutral" && h("span", { className: "z-minor" }, words.unsure),
      mood && h("span", { className: "z-minor" }, `${words.mood}${words.colon}${mood}`)),
    h("ul", { className: "z-bars" }, TYPES.map((type) => h(Bar, { key: type, type, name: words.types[type], value: reading.probabilities?.[type] }))),
    h(Evidence, { list: reading.evidence, words }));
}

function Bar({ type, name, value }) {
  const share = typeof value === "number" && value >= 0 && value <= 1 ? value : 0;
  const percent = `${Math.round(share * 100)}%`;
  return h("li", null, h("span", null, name),
    h("span", { className: "z-track-bar", "aria-hidden": true }, h("i", { "data-type": type, style: { width: percent } })),
    h("span", { className: "z-percent" }, percent));
}

const weightOf = (item) => (typeof item.weight === "number" && Number.isFinite(item.weight) ? item.weight : 0);

function Evidence({ list, words }) {
  const strongest = rows(list, 200).filter((item) => Math.abs(weightOf(item)) >= 0.05)
    .sort((a, b) => Math.abs(weightOf(b)) - Math.abs(weightOf(a))).slice(0, 12);
  if (!strongest.length) return h("p", { className: "z-minor" }, words.none);
  return h("ul", { className: "z-evidence", "aria-label": words.cues }, strongest.map((item, at) => {
    const source = line(item.cue, 60).split(":")[0];
    const name = Object.hasOwn(words.types, item.type) ? words.types[item.type] : line(item.type, 20);
    const weight = weightOf(item);
    const signed = `${weight >= 0 ? "+" : "−"}${Math.abs(weight).toFixed(1)}`;
    return h("li", { key: at, "data-type": line(item.type, 20) },
      h("span", { className: "z-cue" }, known(words.cueNames, item.cue) || line(item.text, 40) || words.sources.history),
      h("span", { className: "z-minor" }, known(words.sources, source)),
      h("span", { className: "z-weight" }, `${weight >= 0 ? words.supports(name) : words.against(name)} ${signed}`));
  }));
}

const known = (table, key) => (typeof key === "string" && Object.hasOwn(table, key) ? table[key] : "");

/** The shopper's words with the evidence marked. Offsets count code points, not UTF-16 units. */
function marked(said, list) {
  const points = Array.from(said);
  const spans = rows(list, 200)
    // Only words are marked: the way of writing concerns the whole message.
    .filter((item) => line(item.cue, 60).startsWith("lexicon:") && item.start >= 0 && item.end > item.start && item.end <= points.length)
    .sort((a, b) => a.start - b.start || b.end - a.end);
  const parts = [];
  let at = 0;
  for (const span of spans) {
    const text = points.slice(span.start, span.end).join("");
    if (span.start < at || text !== span.text) continue;
    parts.push(points.slice(at, span.start).join(""), h("mark", { key: span.start, "data-type": line(span.type, 20) }, text));
    at = span.end;
  }
  parts.push(points.slice(at).join(""));
  return parts;
}
