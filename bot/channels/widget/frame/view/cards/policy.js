// What a policy says: the rule by its name, and its clauses behind a fold; what the answer said already is marked.

import { h } from "../kit.js";
import { Fold, Sheet } from "../parts.js";
import { line, rows } from "../values.js";

export function Policy({ data, tools }) {
  const words = tools.words.cards;
  const clauses = rows(data.clauses, 40).filter((clause) => line(clause.text));
  if (!clauses.length) return null;
  const title = line(data.title, 60) || words.policy;
  return h(Sheet, { kind: "policy", label: words.policyOf(title) },
    h(Fold, { open: tools.dress.details === "open", summary: h("span", { className: "z-summary" }, words.policyOf(title), h("span", { className: "z-minor" }, words.clauses(clauses.length))) },
      line(data.rule, 80) && line(data.rule, 80) !== title && h("p", { className: "z-minor" }, words.basis(line(data.rule, 80))),
      h("dl", { className: "z-clauses" }, clauses.map((clause, at) =>
        h("div", { key: at, "data-part": line(clause.part, 20), "data-told": clause.told === true || null },
          h("dt", null, line(clause.label, 20) || words.clause),
          h("dd", null, line(clause.text, 600), clause.told === true && h("span", { className: "z-told" }, words.told)))))));
}
