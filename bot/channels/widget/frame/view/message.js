// One message: text with safe links, choices, what is more than text, and how far an own one has come.

import { toBox } from "../core/box.js";
import { withLinks } from "../core/links.js";
import { stamp } from "../core/time.js";
import { ChatUI, Fragment, React, h, useEffect, useMemo, useTools } from "./kit.js";
import { payload } from "./payload.js";

/** A card that cannot be drawn becomes its text. */
class Careful extends React.Component {
  state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  render() {
    return this.state.broken ? this.props.instead : this.props.children;
  }
}

/**
 * A message that the server has, or an `item` that is on its way to it: the same row before and after.
 * `active`: its choices can still be tapped; `old`: of an earlier conversation; `today` changes with the day.
 */
export const Message = React.memo(function Message({ message, item, line, active = false, old = false, first = false }) {
  const { words } = useTools();
  const kind = item ? "mine" : kindOf(message);
  const name = { mine: words.mine, agent: words.agent(message?.agent?.name) }[kind] ?? words.bot;
  const state = item ? stateOf(item) : kind === "mine" ? "sent" : undefined;
  return h("div", {
    className: `message ${kind}`, "data-state": state, "data-seq": message?.seq, "data-kind": message?.type, "data-first": first || undefined,
  },
    kind === "notice" ? null : h("span", { className: kind === "agent" ? "author" : "author hidden" }, name),
    item ? h(OnItsWay, { item }) : h(Said, { message, links: kind !== "mine", old }),
    old ? null : h(Choices, { buttons: message?.buttons, active }),
    kind === "notice" ? null : h("div", { className: "meta" }, item ? h(Progress, { item, state, line }) : h(Moment, { at: message.at })));
});

const kindOf = ({ author, type }) => (author === "shopper" ? "mine" : type === "notice" ? "notice" : author === "agent" ? "agent" : "theirs");

const stateOf = ({ failed, sent }) => (failed ? "failed" : sent ? "sent" : "sending");

// Cards that say more than their text; of all others the text is the same in words.
const COMPLETES = ["policy"];

function Said({ message, links, old }) {
  const tools = useTools();
  const plain = message.text ? h(Bubble, { text: String(message.text), links }) : null;
  const special = useMemo(
    () => (["text", "buttons", "notice"].includes(message.type) ? null : payload(message, tools, { old })),
    [message, tools, old]);
  if (!special) return plain;
  return h(Careful, { instead: plain }, COMPLETES.includes(message.card) ? h(Fragment, null, plain, special) : special);
}

function OnItsWay({ item }) {
  return item.picture ? h(Preview, { item }) : h(Bubble, { text: item.shown });
}

/** How far it has come, and what can be done about it. */
function Progress({ item, state, line }) {
  const { words, session } = useTools();
  if (state === "sent") return h(Moment, { at: item.sent });
  const act = (label, fn) => h("button", { type: "button", className: "plain", onClick: fn }, label);
  const again = act(words.retry, () => session.retry(item.message_id));
  if (state === "failed") {
    return h(Fragment, null,
      h("span", { className: "state", role: "alert" }, reason(item.failed, words)),
      item.failed.code === "file_lost" ? null : again,
      act(words.discard, () => session.discard(item.message_id)));
  }
  const waits = item.waiting?.code === "rate_limited" ? words.tooFast : item.waiting || line === "down" ? words.waitingLine : "";
  return h(Fragment, null,
    h("span", { className: "state", "data-waiting": waits ? true : undefined }, waits || progress(item, words)),
    item.waiting ? again : null);
}

function progress(item, words) {
  return item.picture && item.share > 0 ? words.uploading(Math.round(item.share * 100)) : words.sending;
}

function reason({ code, said }, words) {
  const known = { unknown_button: words.outdated, file_lost: words.fileLost };
  return known[code] ?? (said || words.failed);
}

/** The picture that is being sent, as it lies on her device. */
function Preview({ item }) {
  const { words } = useTools();
  const address = useMemo(() => (item.file ? URL.createObjectURL(item.file) : null), [item.file]);
  useEffect(() => () => address && URL.revokeObjectURL(address), [address]);
  if (!address) return h(Bubble, { text: item.name || words.myPicture });
  return h("img", { className: "picture", src: address, alt: words.myPicture });
}

function Bubble({ text, links = false }) {
  const { words } = useTools();
  const parts = links ? withLinks(text) : [{ text }];
  return h(ChatUI.Bubble, { className: "Bubble text bubble" },
    parts.map((part, at) => part.href
      ? h("a", { key: at, href: part.href, target: "_blank", rel: "noopener noreferrer" },
        part.text, h("span", { className: "hidden" }, words.opensNew))
      : h(Fragment, { key: at }, part.text)));
}

/** Next steps belong to the moment they were offered in: an old 确认 must not be tapped later. */
function Choices({ buttons, active }) {
  const { words, session } = useTools();
  if (!Array.isArray(buttons) || !buttons.length) return null;
  const tap = (button) => {
    session.tap(button);
    toBox();
  };
  return h("div", { className: "options", role: "group", "aria-label": words.choices },
    buttons.map((button) => h("button", {
      key: button.id, type: "button", className: "option", disabled: !active, onClick: () => tap(button),
    }, String(button.title ?? ""))));
}

function Moment({ at }) {
  const { words } = useTools();
  const shown = stamp(at, words);
  return shown ? h("time", { dateTime: at }, shown) : null;
}
