// The whole page: head, messages, composer, panel.

import { Composer } from "./composer.js";
import { Head } from "./head.js";
import { ChatUI, Tools, h, useEffect, useRef, useState, useStore, useTools } from "./kit.js";
import { MessageList } from "./list.js";
import { Panel } from "./panel.js";
import { Shortcuts } from "./shortcuts.js";

const DARK = matchMedia("(prefers-color-scheme: dark)");
const CHATUI_LOCALE = { "zh-Hans": "zh-CN", "zh-Hant": "zh-CN", en: "en-US" };

export function App({ tools }) {
  return h(Tools.Provider, { value: tools }, h(Page));
}

function Page() {
  const { words, lang } = useTools();
  const conversation = useStore((state) => state.conversation);
  const [panel, setPanel] = useState(false);
  const opener = useRef(null);
  const colorScheme = useDark() ? "dark" : "light";
  useEffect(() => {
    document.documentElement.dataset.colorScheme = colorScheme;
  }, [colorScheme]);
  useEscape();
  const close = () => {
    setPanel(false);
    opener.current?.focus();
  };
  return h(ChatUI.ConfigProvider, { locale: CHATUI_LOCALE[lang], colorScheme },
    h("a", { className: "skip", href: "#input" }, words.skip),
    h("div", { className: "page" },
      h(Head, { opener, onManner: () => setPanel(true), mannerOpen: panel }),
      h(Line),
      h("div", { className: "stage" },
        h("main", { className: "chat", "aria-label": words.conversation },
          h(MessageList, { key: conversation || "none" }),
          h(Shortcuts),
          h(Composer)),
        panel ? h(Panel, { onClose: close }) : null)));
}

/** What is wrong with the line, where she has to know. */
function Line() {
  const { words, session } = useTools();
  const line = useStore((state) => state.line);
  const phase = useStore((state) => state.phase);
  const trouble = useStore((state) => state.trouble);
  const failed = phase === "failed";
  const said = failed ? trouble || words.failedOpen : line === "down" ? words.offline : "";
  return h("div", { className: "line", "data-line": line },
    h("p", { id: "link", role: "status" }, said),
    failed ? h("button", { type: "button", className: "plain", onClick: () => session.retryOpening() }, words.again) : null);
}

/** Escape closes the widget, unless it closes something within. */
function useEscape() {
  const { host } = useTools();
  useEffect(() => {
    const keyed = (event) => {
      if (event.key !== "Escape" || event.isComposing) return;
      if (!document.querySelector('dialog[open], :is(.menu-box, .z-menu) [aria-expanded="true"]')) host.tell("close");
    };
    document.addEventListener("keydown", keyed, true); // before what is within closes
    return () => document.removeEventListener("keydown", keyed, true);
  }, [host]);
}

function useDark() {
  const [dark, setDark] = useState(DARK.matches);
  useEffect(() => {
    const heard = () => setDark(DARK.matches);
    DARK.addEventListener("change", heard);
    return () => DARK.removeEventListener("change", heard);
  }, []);
  return dark;
}
