// A table of products: one column each, the rows that differ marked, those that are alike behind a button.

import { h, useState } from "../kit.js";
import { Drawing, Sheet, names } from "../parts.js";
import { line, money, rows } from "../values.js";

export function Comparison({ data, tools }) {
  const words = tools.words.cards;
  const columns = rows(data.products, 4);
  const all = rows(data.rows, 40).filter((row) => line(row.label));
  const alike = all.filter((row) => row.differs !== true).length;
  const [chosen, setChosen] = useState(null);
  const open = chosen ?? tools.dress.details === "open";
  if (!columns.length) return null;
  const shown = open || alike === all.length ? all : all.filter((row) => row.differs === true);
  const price = columns.some((product) => money(product.price));
  return h(Sheet, { kind: "comparison", label: words.comparison, wide: true },
    h("div", { className: "z-scroll", tabIndex: 0, role: "region", "aria-label": words.comparison },
      h("table", null,
        h("caption", { className: "z-hidden" }, words.comparison),
        h("thead", null, h("tr", null,
          h("td", null),
          columns.map((product, at) => h("th", { key: at, scope: "col" },
            h(Drawing, { path: product.picture }),
            h("span", { className: "z-name" }, line(product.short_name, 60) || line(product.name, 60)))))),
        h("tbody", null,
          price && h("tr", { className: "z-prices" }, h("th", { scope: "row" }, words.price),
            columns.map((product, at) => h("td", { key: at }, h("b", { className: "z-price" }, money(product.price))))),
          shown.map((row, index) => h("tr", { key: index, className: row.differs === true ? "z-differs" : null },
            h("th", { scope: "row" }, line(row.label, 40), row.differs === true && h("span", { className: "z-hidden" }, words.differs)),
            columns.map((_, at) => h("td", { key: at }, line(Array.isArray(row.values) ? row.values[at] : "", 120) || words.unknown))))))),
    alike > 0 && alike < all.length && h("button", {
      type: "button", className: names("z-action", "z-more"), "aria-expanded": open, onClick: () => setChosen(!open),
    }, open ? words.hideAlike : words.showAlike(alike)));
}
