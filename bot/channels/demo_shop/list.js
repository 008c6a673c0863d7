// The list of products, all or of one category.

import { products } from "./data.js";
import { h, picture } from "./dom.js";
import { count, price } from "./format.js";

const AT_ONCE = 8; // pictures that are seen without scrolling

function tile(row, index) {
  const left = row.stock > 0 ? `近 30 天售出 ${count(row.sold_30_days)}` : "暂时缺货";
  return h("li", null, h("a", { class: "tile", href: `/demo/p/${row.product_id}` },
    h("span", { class: "tile-picture" }, picture(row.picture, 400, { lazy: index >= AT_ONCE }),
      row.stock === 0 && h("span", { class: "sold-out" }, "缺货")),
    h("span", { class: "tile-name" }, row.name),
    h("span", { class: "tile-tags" }, row.tags.slice(0, 2).map((tag) => h("span", { class: "tag" }, tag))),
    h("span", { class: "tile-foot" }, h("strong", { class: "price" }, price(row.price)),
      h("span", { class: "stars" }, h("span", { "aria-hidden": "true" }, "★ "), h("span", { class: "hidden" }, "评分 "), row.rating)),
    h("span", { class: "minor" }, left)));
}

function chip(code, label, now) {
  const href = code ? `/demo/?category=${code}` : "/demo/";
  return h("li", null, h("a", { class: "chip", href, "aria-current": code === now ? "page" : null, "data-keep": true }, label));
}

/** Draw the list; the address says which category. */
export async function list({ query }) {
  const all = await products();
  const labels = new Map(all.map((row) => [row.category, row.category_label]));
  const wanted = query.get("category") ?? "";
  const now = labels.has(wanted) ? wanted : "";
  const shown = all.filter((row) => !now || row.category === now).sort((one, other) => other.sold_30_days - one.sold_30_days);
  return {
    title: now ? labels.get(now) : "全部商品",
    content: [
      h("section", { class: "welcome" },
        h("h1", null, now ? labels.get(now) : "今天想挑点什么"),
        h("p", null, "看中了就点开，拿不准的问右下角的客服。也可以在右上角换一位顾客，看看不同的人会得到怎样的回答。")),
      h("nav", { "aria-label": "分类", class: "chips" }, h("ul", null,
        chip("", "全部", now), [...labels].map(([code, label]) => chip(code, label, now)))),
      h("ul", { class: "grid", "aria-label": "商品" }, shown.map(tile)),
    ],
  };
}
