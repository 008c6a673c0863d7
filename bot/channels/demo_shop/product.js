// One product: picture, price, variants, and all that the shop knows of it.

import { chat } from "./chat.js";
import { product as ask } from "./data.js";
import { fill, h, picture } from "./dom.js";
import { amount, count, day, price, shelfLife } from "./format.js";

const SCARCE = 10;

function stockWords(stock) {
  if (stock === 0) return "暂时缺货";
  return stock < SCARCE ? `有货，只剩 ${stock} 件` : "有货";
}

/** Variants as radio buttons; choosing one changes price and stock. */
function variants(row) {
  const now = row.skus.find((sku) => sku.stock > 0) ?? row.skus[0];
  const cost = h("strong", { class: "price price-large" });
  const stock = h("p", { class: "stock" });
  const pick = (sku) => {
    cost.textContent = price(sku.price);
    stock.textContent = stockWords(sku.stock);
    stock.classList.toggle("stock-none", sku.stock === 0);
  };
  pick(now ?? { price: row.price, stock: row.stock });
  const choice = row.skus.length > 1 && h("fieldset", { class: "skus" }, h("legend", null, "规格"), row.skus.map((sku) =>
    h("label", { class: sku.stock ? "sku" : "sku sku-none" },
      h("input", { type: "radio", name: "sku", value: sku.sku_id, checked: sku === now, onchange: () => pick(sku) }),
      h("span", null, sku.label))));
  return { cost, stock, choice, only: row.skus.length === 1 ? row.skus[0].label : null };
}

function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "" && value.length !== 0);
  return h("dl", { class: "facts" }, known.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));
}

function service(row) {
  const fee = row.installation_fee;
  return facts([
    ["卖家", row.seller ?? "知心商城自营"],
    ["无理由退货", row.returnable_days ? `签收后 ${row.returnable_days} 天内` : "不支持；有质量问题可以退换"],
    ["保修", row.warranty_months ? `${row.warranty_months} 个月` : null],
    ["保修说明", row.warranty_terms],
    ["安装", fee === null ? null : Number(fee) === 0 ? "免费上门安装" : `上门安装 ${amount(fee)} 元`],
    ["包装", row.gift_box ? "礼盒装" : null],
    ["配送", row.cold_chain ? "冷链配送" : null],
    ["保质期", row.shelf_life_days ? shelfLife(row.shelf_life_days) : null],
    ["生产日期", row.produced_on ? day(row.produced_on) : null],
    ["证书", row.certificates.join("、")],
  ]);
}

function table(rows) {
  const [head, ...body] = rows;
  return h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "尺码表" }, h("table", null,
    h("thead", null, h("tr", null, head.map((cell) => h("th", { scope: "col" }, cell)))),
    h("tbody", null, body.map((cells) => h("tr", null, cells.map((cell, index) =>
      (index ? h("td", null, cell) : h("th", { scope: "row" }, cell))))))));
}

function section(title, ...content) {
  return h("section", { class: "sheet" }, h("h2", null, title), content);
}

function review(one) {
  return h("li", null,
    h("p", { class: "stars" }, h("span", { "aria-hidden": "true" }, "★".repeat(one.stars) + "☆".repeat(5 - one.stars)),
      h("span", { class: "hidden" }, `${one.stars} 星`)),
    h("p", null, one.text), h("p", { class: "minor" }, day(one.written_at)));
}

/** Draw a product's page. */
export async function product({ id }) {
  const row = await ask(id);
  const { cost, stock, choice, only } = variants(row);
  const head = h("div", { class: "buy" });
  fill(head,
    h("p", { class: "minor" }, h("a", { href: `/demo/?category=${row.category}` }, row.category_label), ` · ${row.brand}`),
    h("h1", null, row.name),
    h("p", { class: "tile-tags" }, row.tags.map((tag) => h("span", { class: "tag" }, tag))),
    h("p", { class: "cost", "aria-live": "polite" }, cost),
    h("p", { class: "minor" }, h("span", { class: "stars" }, `★ ${row.rating}`), ` · ${count(row.review_count)} 条评价 · 近 30 天售出 ${count(row.sold_30_days)}`),
    choice, only && h("p", null, `规格：${only}`), stock,
    h("p", { class: "actions" }, h("button", { type: "button", class: "primary", onclick: () => chat((zhixin) => zhixin.open()) }, "问问客服")));
  return {
    title: row.short_name,
    content: [
      h("article", { class: "product" },
        h("div", { class: "product-picture" }, picture(row.picture, 640, { lazy: false })), head,
        h("div", { class: "sheets" },
          row.contents.length > 0 && section("包装清单", h("ul", { class: "dots" }, row.contents.map((one) => h("li", null, one)))),
          section("商品参数", facts([["品牌", row.brand], ...row.specs])),
          section("服务", service(row)),
          row.usage.length > 0 && section("使用要点", h("ol", { class: "dots" }, row.usage.map((one) => h("li", null, one)))),
          row.size_table.length > 1 && section("尺码", table(row.size_table)),
          row.reviews.length > 0 && section("评价", h("ul", { class: "reviews" }, row.reviews.map(review))))),
    ],
  };
}
