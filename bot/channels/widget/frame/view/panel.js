// 「我们怎么和您沟通」: how she is spoken to, why, and that it is hers to choose.

import { h, useEffect, useId, useRef, useState, useTools } from "./kit.js";
import { Modal } from "./modal.js";
import { Fold, names } from "./parts.js";
import { Turns } from "./reading.js";
import { isRecord, line, rows } from "./values.js";
import { useView } from "./views.js";

/** The panel. `onClose` is called however it is closed; the focus then goes back to where it was. */
export function Panel({ onClose }) {
  const view = useView();
  const words = view.words.panel;
  return h(Modal, { title: words.title, close: words.close, className: "z-panel", onClose, back: () => document.getElementById("menu") },
    h("p", null, words.what),
    h("p", { className: "z-same" }, words.same),
    h(Manner, { key: view.conversation?.id, conversation: view.conversation, words }),
    view.config.demo && h(Fold, { className: "z-demo", summary: words.reading }, h(Turns, { words: view.words.reading })));
}

function Manner({ conversation, words }) {
  const { store } = useTools();
  const [manner, setManner] = useState(null);
  const [said, setSaid] = useState("");
  const [trouble, setTrouble] = useState("");
  const latest = useRef(0); // of several choices the last one counts

  async function ask(request, after = "") {
    const mine = (latest.current += 1);
    setTrouble("");
    try {
      if (!conversation) throw new Error("no conversation yet");
      const found = read(await request());
      if (mine !== latest.current) return;
      setManner(found);
      setSaid(after);
      store.set({ style: found.style, personalisation: found.on }); // where no WebSocket tells it
    } catch (error) {
      if (mine !== latest.current) return;
      setTrouble(error.said || words.failed);
      setManner((known) => known && { ...known, wanted: undefined });
    }
  }

  const look = () => ask(() => conversation.manner());
  useEffect(() => {
    look();
    return () => {
      latest.current += 1;
    };
  }, []);

  function choose(style) {
    setManner({ ...manner, wanted: style });
    ask(() => conversation.chooseManner(style), words.chosen);
  }

  const turn = (on) => ask(async () => {
    await conversation.personalise(on);
    return conversation.manner();
  }, on ? words.turnedOn : words.turnedOff);

  const status = h("p", { role: "status", className: "z-said" }, trouble ? "" : said);
  const failed = trouble && h("div", { role: "alert", className: "z-trouble" }, h("p", null, trouble),
    h("button", { type: "button", className: "z-action", onClick: look }, words.retry));
  if (!manner) return h("div", { className: "z-manner" }, failed || h("p", { className: "z-minor" }, words.looking), status);
  return h("div", { className: "z-manner" },
    h("div", { className: "z-present" },
      h("span", { className: "z-minor" }, words.present),
      h("p", null, words.styles?.[manner.style]?.about ?? (manner.line || words.neutral))),
    h(Choices, { manner, words, choose }),
    h(Switch, { on: manner.on, words, turn: () => turn(!manner.on) }),
    failed, status);
}

/** The styles to choose from, and none: as the chat suggests. */
function Choices({ manner, words, choose }) {
  const group = useId();
  const value = manner.wanted === undefined ? manner.chosen : manner.wanted;
  const option = (style, name, about) =>
    h("label", { key: style ?? "-", className: names("z-choice", value === style && "z-on") },
      h("input", { type: "radio", name: group, checked: value === style, disabled: !manner.on, onChange: () => choose(style) }),
      h("span", { className: "z-about" }, h("b", null, name), about && h("span", { className: "z-minor" }, about)));
  return h("fieldset", { className: "z-choices", "aria-describedby": manner.on ? null : `${group}off` },
    h("legend", null, words.choose),
    !manner.on && h("p", { className: "z-minor", id: `${group}off` }, words.firstOn),
    option(null, words.follow, words.followAbout),
    manner.choices.map(({ style, name, about }) => option(style, words.styles?.[style]?.name ?? name, words.styles?.[style]?.about ?? about)));
}

function Switch({ on, words, turn }) {
  const id = useId();
  return h("div", { className: "z-switch" },
    h("span", { className: "z-about" },
      h("b", { id }, words.personalisation),
      h("span", { className: "z-minor", id: `${id}about` }, on ? words.offDeletes : words.onAgain)),
    h("button", { type: "button", role: "switch", "aria-checked": on, "aria-labelledby": id, "aria-describedby": `${id}about`, onClick: turn },
      h("i", { "aria-hidden": true })));
}

/** What the front told, in the kinds that the panel draws. */
function read(found) {
  if (!isRecord(found)) throw new Error("no manner");
  return {
    on: found.personalisation !== false,
    style: line(found.style, 20) || "neutral",
    chosen: line(found.chosen, 20) || null,
    line: line(found.line),
    choices: rows(found.choices, 8)
      .map((choice) => ({ style: line(choice.style, 20), name: line(choice.name, 30), about: line(choice.line, 120) }))
      .filter(({ style, name }) => style && name),
  };
}
