// The panel of the demonstration: what each turn was read as, how sure, and from which words.

import { byId, make } from "./dom.js";
import { CUES, MOODS, READING, STYLES, TYPES } from "./words.js";

const KEPT = 30; // turns in the panel

export class Reading {
  #panel = byId("reading");
  #toggle = byId("reading-toggle");
  #turns = byId("turns");
  #empty = this.#turns.firstElementChild;
  #drawn = new Set();

  constructor() {
    this.#toggle.addEventListener("click", () => this.#open(this.#panel.hidden));
    byId("reading-close").addEventListener("click", () => this.#open(false));
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#open(false);
    });
  }

  offer(on) {
    this.#toggle.hidden = !on;
    if (!on) this.#open(false, false);
  }

  clear() {
    this.#drawn.clear();
    this.#turns.replaceChildren(this.#empty);
  }

  /** Draw the reading of one turn on top; `said` is what the shopper wrote. */
  add(state, said) {
    const key = state.message_id ?? "";
    if (state.personalisation === false) {
      this.clear();
      this.#turns.replaceChildren(make("p", { class: "reading-empty" }, READING.off));
      return;
    }
    if (!state.reading || this.#drawn.has(key)) return;
    this.#drawn.add(key);
    this.#empty.remove();
    this.#turns.querySelector(".reading-empty")?.remove();
    this.#turns.prepend(turn(state, said));
    while (this.#turns.children.length > KEPT) this.#turns.lastElementChild.remove();
  }

  #open(on, focus = true) {
    this.#panel.hidden = !on;
    this.#toggle.setAttribute("aria-expanded", String(on));
    if (focus) (on ? this.#panel : this.#toggle).focus();
  }
}

function turn(state, said) {
  const { reading } = state;
  const style = STYLES[state.style] ?? STYLES.neutral;
  return make("article", { class: "turn" },
    said ? make("p", { class: "quote" }, marked(said, reading.evidence)) : null,
    make("p", { class: "verdict" },
      make("span", {}, `${READING.served}：`, make("b", {}, style)),
      state.style === "neutral" || !state.style ? make("span", { class: "minor" }, READING.unsure) : null,
      MOODS[reading.mood] ? make("span", { class: "minor" }, `${READING.mood}：${MOODS[reading.mood]}`) : null),
    make("ul", { class: "bars" }, Object.entries(TYPES).map(([type, name]) => bar(type, name, reading.probabilities?.[type]))),
    evidence(reading.evidence));
}

function bar(type, name, probability) {
  const percent = Math.round((Number(probability) || 0) * 100);
  const fill = make("i", { class: "fill", "data-type": type });
  fill.style.width = `${percent}%`;
  return make("li", {}, make("span", {}, name), make("span", { class: "track", "aria-hidden": "true" }, fill), make("span", { class: "percent" }, `${percent}%`));
}

function evidence(list) {
  if (!Array.isArray(list) || !list.length) return make("p", { class: "minor" }, READING.none);
  const strongest = [...list].filter((e) => Math.abs(e.weight) >= 0.05).sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight)).slice(0, 12);
  return make("ul", { class: "evidence", "aria-label": READING.cues }, strongest.map((item) => {
    const source = String(item.cue ?? "").split(":")[0];
    const name = TYPES[item.type] ?? item.type;
    return make("li", { "data-type": item.type },
      make("span", { class: "cue" }, CUES[item.cue] || item.text || READING.history),
      make("span", { class: "minor" }, READING.sources[source] ?? ""),
      make("span", { class: "weight" }, `${item.weight >= 0 ? READING.supports(name) : READING.against(name)} ${signed(item.weight)}`));
  }));
}

const signed = (weight) => (weight >= 0 ? "+" : "−") + Math.abs(Number(weight) || 0).toFixed(1);

/** The shopper's words with the evidence marked. Offsets count code points, not UTF-16 units. */
function marked(said, list) {
  const points = Array.from(said);
  const spans = (Array.isArray(list) ? list : [])
    // Only words are marked: the way of writing concerns the whole message.
    .filter((e) => String(e.cue).startsWith("lexicon:") && e.start >= 0 && e.end > e.start && e.end <= points.length && e.text)
    .sort((a, b) => a.start - b.start || b.end - a.end);
  const parts = [];
  let at = 0;
  for (const span of spans) {
    if (span.start < at || points.slice(span.start, span.end).join("") !== span.text) continue;
    parts.push(points.slice(at, span.start).join(""));
    parts.push(make("mark", { "data-type": span.type }, span.text));
    at = span.end;
  }
  parts.push(points.slice(at).join(""));
  return parts;
}
