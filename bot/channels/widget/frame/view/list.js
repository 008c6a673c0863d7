// The list of messages: what was said before on top, what is on its way at the end, the eye kept where it is.

import { dayOf } from "../core/time.js";
import { Arrivals } from "./arrivals.js";
import { ChatUI, h, icon, useCallback, useEffect, useLayoutEffect, useRef, useState, useStore, useTools } from "./kit.js";
import { Message } from "./message.js";

const NEAR_END = 96; // px from the end within which she is taken to stand at the end
const NEAR_TOP = 48;

export function MessageList() {
  const { words, session } = useTools();
  const messages = useStore((state) => state.messages);
  const unsent = useStore((state) => state.unsent);
  const earlier = useStore((state) => state.earlier);
  const before = useStore((state) => state.before);
  const customer = useStore((state) => state.customer);
  const caught = useStore((state) => state.caught);
  const line = useStore((state) => (state.phase === "failed" ? "down" : state.line));
  const owner = useStore((state) => state.owner.owner);
  const typing = useStore((state) => state.owed.length > 0);
  const today = useToday();
  const { pull, news, onScroll, toEnd } = useStanding({ messages, unsent, earlier, typing });
  const [reading, setReading] = useState(""); // "", "now", "failed"
  const more = customer !== null && before !== null && caught;

  const load = useCallback(async () => {
    if (!more || reading === "now") return undefined;
    setReading("now");
    try {
      await session.earlier();
      setReading("");
    } catch {
      setReading("failed");
    }
    return undefined;
  }, [more, reading, session]);

  const scrolled = (event) => {
    onScroll();
    const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
    if (scrollTop < NEAR_TOP && scrollHeight > clientHeight && !reading) load();
  };

  const firstMine = messages.findIndex((message) => message.author === "shopper");
  const opening = firstMine < 0 ? messages.length : firstMine; // what greets her
  const row = (message, at) => h(Message, {
    key: message.message_id ?? message.seq, message, today, active: at > lastMine && owner !== "CLOSED",
  });
  const lastMine = unsent.length ? Infinity : messages.reduce((at, m, i) => (m.author === "shopper" ? i : at), -1);
  const label = { now: words.loadingEarlier, failed: words.earlierFailed }[reading] ?? words.loadEarlier;
  return h("div", { className: "list" },
    h(ChatUI.PullToRefresh, { ref: pull, onScroll: scrolled, onRefresh: load, renderIndicator: () => null },
      h("div", { className: "rows" },
        more
          ? h("button", { type: "button", className: "plain load", "aria-busy": reading === "now", onClick: load }, label)
          : null,
        earlier.length
          ? h("div", { className: "earlier", role: "group", "aria-label": words.history },
            earlier.map((message, at) => h(Message, {
              key: `${message.conversation}:${message.seq}`, message, today, old: true,
              first: message.conversation !== earlier[at - 1]?.conversation,
            })),
            h("p", { className: "divide" }, h("span", null, words.newHere)))
          : null,
        h("div", { className: "log", role: "log", "aria-live": "polite", "aria-relevant": "additions", "aria-label": words.messages, "aria-busy": !caught },
          [ // one list: what the server has got stays the same row, and is not read out again
            ...messages.slice(0, opening).map(row),
            h(Arrivals, { key: "arrivals" }),
            ...messages.slice(opening).map((message, at) => row(message, opening + at)),
            ...unsent.map((item) => h(Message, { key: item.message_id, item, line, today })),
          ]),
        typing
          ? h("div", { className: "typing", id: "typing" }, h(ChatUI.Typing), h("span", null, words.typing))
          : null)),
    news
      ? h("button", { type: "button", className: "newest", id: "newest", onClick: toEnd }, words.newest, icon("down"))
      : null);
}

/** Where she stands: at the end what is new comes into view; further up it is only said that there is something. */
function useStanding({ messages, unsent, earlier, typing }) {
  const { words } = useTools();
  const pull = useRef(null);
  const atEnd = useRef(true);
  const seen = useRef({ height: 0, top: 0, earlier: 0, last: undefined, mine: undefined });
  const [news, setNews] = useState(false);
  const box = () => pull.current?.wrapperRef.current;

  const toEnd = useCallback(() => {
    const element = box();
    if (element) element.scrollTop = element.scrollHeight;
    if (element) seen.current.top = element.scrollTop;
    atEnd.current = true;
    setNews(false);
  }, []);

  /** Where she stood before the list grew: she may have moved and the browser not have said so yet. */
  const stood = (element) => {
    if (element.scrollTop === seen.current.top) return atEnd.current;
    return seen.current.height - element.scrollTop - element.clientHeight < NEAR_END;
  };

  const onScroll = useCallback(() => {
    const element = box();
    if (!element) return;
    atEnd.current = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END;
    seen.current.top = element.scrollTop;
    if (atEnd.current) setNews(false);
  }, []);

  useLayoutEffect(() => {
    const element = box();
    if (!element) return;
    const before = seen.current;
    atEnd.current = stood(element);
    const now = { height: element.scrollHeight, top: element.scrollTop, earlier: earlier.length, last: messages.at(-1)?.seq, mine: unsent.at(-1)?.message_id };
    seen.current = now;
    const wrote = now.mine !== undefined && now.mine !== before.mine;
    if (now.earlier > before.earlier) element.scrollTop += now.height - before.height;
    else if (wrote || atEnd.current) toEnd();
    else if (now.last !== before.last && messages.at(-1)?.author !== "shopper") setNews(true);
  }, [messages, unsent, earlier, typing, toEnd]);

  useEffect(() => {
    const element = box();
    element.tabIndex = 0; // it is scrolled by keyboard too
    element.id = "scroll";
    element.setAttribute("role", "region");
    element.setAttribute("aria-label", words.messages);
    // A phone's keyboard takes half of the page away; a picture arrives late.
    const watch = new ResizeObserver(() => {
      atEnd.current = stood(element);
      seen.current.height = element.scrollHeight;
      if (atEnd.current) element.scrollTop = element.scrollHeight;
      seen.current.top = element.scrollTop;
    });
    watch.observe(element);
    watch.observe(element.querySelector(".rows"));
    return () => watch.disconnect();
  }, [words]);

  return { pull, news, onScroll, toEnd };
}

/** The day, so that 今天 becomes 昨天 at midnight. */
function useToday() {
  const [today, setToday] = useState(() => dayOf(new Date()));
  useEffect(() => {
    const timer = setInterval(() => setToday(dayOf(new Date())), 60000);
    return () => clearInterval(timer);
  }, []);
  return today;
}
