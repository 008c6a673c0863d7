// One to five stars: a radio group, whose names say what is seen.

import { h, useId } from "./kit.js";

const STAR = "M12 2.6l2.9 5.9 6.5.9-4.7 4.6 1.1 6.5-5.8-3.1-5.8 3.1 1.1-6.5L2.6 9.4l6.5-.9z";
export const SCORES = [1, 2, 3, 4, 5];

const star = () => h("svg", { viewBox: "0 0 24 24", "aria-hidden": true }, h("path", { d: STAR }));

/** Choose a score; `names` are what one to five stand for. */
export function Stars({ label, names, value, onChange, small, disabled }) {
  const group = useId();
  return h("fieldset", { className: small ? "z-stars z-small" : "z-stars", disabled },
    h("legend", null, label),
    h("div", { className: "z-row" }, SCORES.map((score) =>
      h("label", { key: score, "data-on": score <= (value ?? 0) || null, title: names[score - 1] },
        h("input", { type: "radio", name: group, value: score, checked: value === score, onChange: () => onChange(score) }),
        star(),
        h("span", { className: "z-hidden" }, names[score - 1]))),
      h("span", { className: "z-minor", "aria-hidden": true }, value ? names[value - 1] : "")));
}

/** A score that was given. */
export const Given = ({ label, value, name }) =>
  h("p", { className: "z-given" },
    h("span", null, label),
    h("span", { className: "z-row", role: "img", "aria-label": name }, SCORES.map((score) => h("span", { key: score, "data-on": score <= value || null }, star()))));
