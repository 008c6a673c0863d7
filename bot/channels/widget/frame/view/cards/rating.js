// The question for a rating: asked in the chat, answered once, changed for as long as it may be.

import { h, useEffect, useRef, useState } from "../kit.js";
import { Fold, Sheet } from "../parts.js";
import { Given, SCORES, Stars } from "../stars.js";
import { isRecord, line, rows } from "../values.js";

const LONGEST = 1000;

export function Rating({ message, tools }) {
  const { conversation } = tools;
  const words = tools.words.rating;
  const asked = dimensionsOf(message, words);
  const [stored, setStored] = useState(null); // what the server has
  const [draft, setDraft] = useState(EMPTY);
  const [state, setState] = useState("looking"); // looking, asking, sending, thanking
  const [trouble, setTrouble] = useState("");
  const sending = useRef(false);
  const thanks = useRef(null);

  useEffect(() => {
    let gone = false;
    setState("looking");
    Promise.resolve(conversation?.rating()).then((found) => {
      if (gone) return;
      const rated = read(found);
      setStored(rated);
      setState(rated ? "thanking" : "asking");
    }, () => gone || setState("asking"));
    return () => {
      gone = true;
    };
  }, [conversation?.id]);

  async function send(event) {
    event.preventDefault();
    if (sending.current || !draft.score) return;
    sending.current = true;
    setTrouble("");
    setState("sending");
    try {
      if (!conversation) throw new Error("no conversation yet");
      const body = { score: draft.score, dimensions: draft.dimensions, comment: draft.comment.trim() || null };
      setStored(read(await conversation.rate(body)) ?? { ...body, comment: draft.comment, until: 0 });
      setState("thanking");
      tools.rated?.(draft.score);
      setTimeout(() => thanks.current?.focus({ preventScroll: true }));
    } catch (error) {
      setTrouble(error.said || words.failed);
      setState("asking");
    } finally {
      sending.current = false;
    }
  }

  const change = () => {
    setDraft({ score: stored.score, dimensions: stored.dimensions, comment: stored.comment });
    setState("asking");
  };
  const busy = state === "sending";
  const question = line(message.text, 600) || words.question;
  if (state === "looking") return h(Sheet, { kind: "rating", label: words.title }, h("p", null, question));
  if (state === "thanking") {
    return h(Sheet, { kind: "rating", label: words.title },
      h("p", { ref: thanks, tabIndex: -1, role: "status", className: "z-thanks" }, words.thanks),
      h(Given, { label: words.score, value: stored.score, name: words.names[stored.score - 1] }),
      asked.filter(({ name }) => stored.dimensions[name]).map(({ name, label }) =>
        h(Given, { key: name, label, value: stored.dimensions[name], name: words.names[stored.dimensions[name] - 1] })),
      stored.comment && h("blockquote", null, stored.comment),
      Date.now() < stored.until && h("button", { type: "button", className: "z-action", onClick: change }, words.change));
  }
  return h(Sheet, { kind: "rating", label: words.title },
    h("form", { onSubmit: send },
      h(Stars, { label: question, names: words.names, value: draft.score, disabled: busy, onChange: (score) => setDraft({ ...draft, score }) }),
      draft.score > 0 && h("div", { className: "z-more-said" },
        asked.length > 0 && h(Fold, { summary: words.details, open: tools.dress.details === "open" || Object.keys(draft.dimensions).length > 0 },
          asked.map(({ name, label }) => h(Stars, {
            key: name, label, small: true, names: words.names, value: draft.dimensions[name], disabled: busy,
            onChange: (score) => setDraft({ ...draft, dimensions: { ...draft.dimensions, [name]: score } }),
          }))),
        h("label", { className: "z-comment" }, line(message.comment_label, 60) || words.comment,
          h("textarea", {
            rows: 2, maxLength: LONGEST, value: draft.comment, disabled: busy,
            onChange: (event) => setDraft({ ...draft, comment: event.target.value }),
          })),
        trouble && h("p", { role: "alert", className: "z-trouble" }, trouble),
        h("div", { className: "z-actions" },
          stored && h("button", { type: "button", className: "z-action", disabled: busy, onClick: () => setState("thanking") }, words.keep),
          h("button", { type: "submit", className: "z-action z-main", disabled: busy }, busy ? words.sending : trouble ? words.retry : words.send)))));
}

const EMPTY = { score: 0, dimensions: {}, comment: "" };

/** What can be rated apart: as asked, else what the front takes. */
function dimensionsOf(message, words) {
  const found = rows(message.dimensions, 8)
    .map(({ name, label }) => ({ name: line(name, 30), label: line(label, 20) }))
    .filter(({ name, label }) => Object.hasOwn(words.dimensions, name) && label);
  return found.length ? found : Object.entries(words.dimensions).map(([name, label]) => ({ name, label }));
}

/** A stored rating, or null where the answer is none. */
function read(found) {
  if (!isRecord(found) || !SCORES.includes(found.score)) return null;
  const given = isRecord(found.dimensions) ? Object.entries(found.dimensions).filter(([, score]) => SCORES.includes(score)) : [];
  return {
    score: found.score,
    dimensions: Object.fromEntries(given),
    comment: line(found.comment, LONGEST),
    until: Date.parse(found.changeable_until) || 0,
  };
}
