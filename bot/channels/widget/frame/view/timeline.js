// The way of a parcel or a request, newest step first.

import { h } from "./kit.js";
import { Fold } from "./parts.js";
import { line, moment, rows } from "./values.js";

const SHOWN = 3;

/** The latest steps, and the earlier ones behind a fold. */
export function Timeline({ trace, label, words, open }) {
  const steps = rows(trace).filter((step) => line(step.text) || line(step.place));
  if (!steps.length) return null;
  const rest = steps.slice(SHOWN);
  return h("div", { className: "z-trace" },
    h("ol", { className: "z-steps", "aria-label": label }, steps.slice(0, SHOWN).map((step, at) => h(Step, { key: at, step, newest: at === 0 }))),
    rest.length > 0 && h(Fold, { summary: words.earlier(rest.length), open },
      h("ol", { className: "z-steps" }, rest.map((step, at) => h(Step, { key: at, step })))));
}

function Step({ step, newest }) {
  const at = moment(step.at);
  return h("li", { className: newest ? "z-newest" : null, "aria-current": newest ? "step" : null },
    h("span", { className: "z-step" }, line(step.place, 60) && h("b", null, line(step.place, 60)), line(step.text)),
    at && h("time", { dateTime: step.at }, at));
}
