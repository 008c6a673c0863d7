// The head of the page: who answers, a step beside it, the menu, the way out.

import { h, icon, useEffect, useRef, useState, useStore, useTools } from "./kit.js";

const CANCEL = "取消排队"; // what the assistant understands, whatever language the page speaks

/** @param {{ opener: object, onManner: () => void, mannerOpen: boolean }} props */
export function Head({ opener, onManner, mannerOpen }) {
  const { words, host } = useTools();
  return h("header", { className: "head" },
    h("div", { className: "who" }, h("h1", null, words.name), h(Answering)),
    h(Menu, { opener, onManner, mannerOpen }),
    host.embedded
      ? h("button", { type: "button", className: "round", "aria-label": words.close, onClick: () => host.tell("close") }, icon("close"))
      : null);
}

function Answering() {
  const { words, session } = useTools();
  const { owner, queue, agent } = useStore((state) => state.owner);
  const placed = Number.isInteger(queue?.position) && Number.isInteger(queue?.minutes);
  const line = {
    WAITING: placed ? words.place(queue.position, queue.minutes) : words.waiting,
    HUMAN: words.agent(agent?.name),
    CLOSED: words.closed,
  }[owner] ?? words.bot;
  return h("div", { className: "owner", id: "owner", "data-owner": owner },
    h("p", { id: "answering", role: "status" }, line),
    owner === "WAITING"
      ? h("button", { type: "button", className: "plain", onClick: () => session.send(CANCEL, words.cancelWait) }, words.cancelWait)
      : null);
}

/** A button that folds out what is rarely wanted. */
function Menu({ opener, onManner, mannerOpen }) {
  const { words, session } = useTools();
  const [open, setOpen] = useState(false);
  const [sure, setSure] = useState(false);
  const box = useRef(null);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event) => !box.current.contains(event.target) && setOpen(false);
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  useEffect(() => {
    if (open) box.current.querySelector(".menu button")?.focus();
    else setSure(false);
  }, [open, sure]);
  const close = () => {
    setOpen(false);
    opener.current?.focus();
  };
  const begin = () => {
    close();
    session.begin();
  };
  const item = (label, act) => h("button", { type: "button", className: "item", onClick: act }, label);
  return h("div", {
    className: "menu-box", ref: box,
    onKeyDown: (event) => event.key === "Escape" && open && close(),
    onBlur: (event) => event.relatedTarget && !box.current.contains(event.relatedTarget) && setOpen(false),
  },
    h("button", {
      type: "button", className: "round", ref: opener, id: "menu", "aria-label": words.menu, "aria-expanded": open || mannerOpen,
      onClick: () => setOpen(!open),
    }, icon("more")),
    open
      ? h("div", { className: "menu", role: "group", "aria-label": words.menu },
        sure
          ? [h("p", { key: "q", id: "sure" }, words.beginSure), h("div", { key: "a", className: "pair" }, item(words.yes, begin), item(words.no, close))]
          : [h("div", { key: "i" },
            item(words.manner, () => {
              setOpen(false);
              onManner();
            }),
            item(words.begin, () => setSure(true)))])
      : null);
}
