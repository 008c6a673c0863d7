// The top actions: a bar in the dress that is short of words, behind one button in the others. The same actions for all.

import { Fragment, h, useEffect, useId, useRef, useState, useTools } from "./kit.js";
import { Dressing } from "./dressing.js";
import { follow } from "./reading.js";
import { useView } from "./views.js";

const PATHS = {
  track: "M3 7h11v9H3zM14 10h4l3 3v3h-7M7 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4M17 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4",
  orders: "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6",
  aftersale: "M4 9h12a4 4 0 0 1 0 8H8M4 9l4-4M4 9l4 4",
  human: "M5 13v-2a7 7 0 0 1 14 0v2M5 12h3v5H5zM16 12h3v5h-3zM18 17c0 2-2 3-5 3",
};
const ACTIONS = Object.keys(PATHS);

const icon = (path) => h("svg", { viewBox: "0 0 24 24", "aria-hidden": true }, h("path", { d: path }));

const act = (view, name) => view.tap(name, view.words.shortcuts.names[name]);

/** Above the composer: the bar, or nothing where the menu is enough. */
export function Shortcuts() {
  const tools = useTools();
  const view = useView();
  useEffect(() => (tools.config.demo ? follow(tools) : undefined), [tools]);
  const words = view.words.shortcuts;
  return h(Fragment, null,
    h(Dressing, { style: view.style, motion: view.dress.motion }),
    view.dress.shortcuts && h("nav", { className: "z-shortcuts", "aria-label": words.label }, ACTIONS.map((name) =>
      h("button", { key: name, type: "button", onClick: () => act(view, name) }, icon(PATHS[name]), words.names[name]))));
}

/** A button with the same actions, beside the composer; nothing where the bar is. */
export function ShortcutMenu() {
  const view = useView();
  return view.dress.shortcuts ? null : h(Menu, { view });
}

function Menu({ view }) {
  const words = view.words.shortcuts;
  const [open, setOpen] = useState(false);
  const id = useId();
  const button = useRef(null);
  const place = useRef(null);
  useEffect(() => {
    if (!open) return undefined;
    place.current.querySelector("ul button").focus();
    const outside = (event) => place.current.contains(event.target) || setOpen(false);
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current.focus();
  };
  return h("div", {
    className: "z-menu", ref: place,
    onKeyDown: (event) => {
      if (event.key === "Escape" && open) close();
    },
    onBlur: (event) => event.relatedTarget && !place.current.contains(event.relatedTarget) && setOpen(false),
  },
  h("button", {
    ref: button, type: "button", className: "z-menu-button", "aria-expanded": open, "aria-controls": id, "aria-label": words.label, title: words.label,
    onClick: () => setOpen(!open),
  }, icon("M5 5h5v5H5zM14 5h5v5h-5zM5 14h5v5H5zM14 14h5v5h-5z")),
  h("ul", { id, hidden: !open, role: "list" }, ACTIONS.map((name) =>
    h("li", { key: name }, h("button", {
      type: "button",
      onClick: () => {
        close();
        act(view, name);
      },
    }, icon(PATHS[name]), words.names[name])))));
}
