// Where she writes: a box that grows, a counter near the limit, a picture, a way on when the conversation is over.

import { h, icon, useLayoutEffect, useRef, useState, useStore, useTools } from "./kit.js";
import { ShortcutMenu } from "./shortcuts.js";

const LIMIT = 1000; // characters of a message, as the server counts them: code points
const COUNT_FROM = 900;

export function Composer() {
  const { words, session } = useTools();
  const closed = useStore((state) => state.owner.owner === "CLOSED");
  const customer = useStore((state) => state.customer);
  if (closed) {
    return h("div", { className: "composer over" },
      h("button", { type: "button", className: "wide", onClick: () => session.begin() }, words.begin));
  }
  return h(Writing, { key: customer ?? "" });
}

function Writing() {
  const { words, session } = useTools();
  const [text, setText] = useState(session.draft);
  const [trouble, setTrouble] = useState("");
  const box = useRef(null);
  const length = Array.from(text).length;
  const ready = text.trim() !== "" && length <= LIMIT;

  useLayoutEffect(() => {
    const element = box.current;
    element.style.height = "auto";
    element.style.height = `${element.scrollHeight + element.offsetHeight - element.clientHeight}px`;
  }, [text]);

  const write = (value) => {
    setText(value);
    setTrouble("");
    session.draft = value;
  };
  const send = () => {
    if (!ready) return;
    session.send(text);
    write("");
    box.current.focus({ preventScroll: true });
  };
  const keyed = (event) => {
    // Enter that confirms a word in an input method is not "send"; Safari tells by key code 229.
    const native = event.nativeEvent;
    if (event.key !== "Enter" || event.shiftKey || native.isComposing || native.keyCode === 229) return;
    event.preventDefault();
    send();
  };
  const count = length > LIMIT ? words.tooLong(length - LIMIT) : length >= COUNT_FROM ? words.left(LIMIT - length) : "";
  return h("form", {
    className: "composer", autoComplete: "off",
    onSubmit: (event) => {
      event.preventDefault();
      send();
    },
  },
    h("div", { className: "aside" }, h(ShortcutMenu), h(PictureButton, { onTrouble: setTrouble })),
    h("textarea", {
      id: "input", ref: box, rows: 1, value: text, placeholder: words.placeholder, enterKeyHint: "send",
      "aria-label": words.input, "aria-describedby": "count", "aria-invalid": length > LIMIT,
      onChange: (event) => write(event.target.value), onKeyDown: keyed,
    }),
    h("button", { type: "submit", className: "send", id: "send", disabled: !ready, "aria-label": words.send }, icon("send")),
    h("p", { className: length > LIMIT || trouble ? "count over" : "count", id: "count", role: "status" }, trouble || count));
}

function PictureButton({ onTrouble }) {
  const { words, session, config } = useTools();
  const input = useRef(null);
  if (!config.upload) return null;
  const { bytes, kinds } = config.upload;
  const chosen = (event) => {
    const [file] = event.target.files;
    event.target.value = ""; // the same file may be chosen again
    if (!file) return;
    if (!kinds.includes(file.type)) onTrouble(words.pictureKind);
    else if (file.size > bytes) onTrouble(words.pictureSize(Math.floor(bytes / 2 ** 20)));
    else {
      onTrouble("");
      session.picture(file);
    }
  };
  return h("div", { className: "attach" },
    h("button", { type: "button", className: "round", "aria-label": words.picture, onClick: () => input.current.click() }, icon("picture")),
    h("input", { ref: input, type: "file", hidden: true, accept: kinds.join(","), "aria-label": words.picture, onChange: chosen }));
}
