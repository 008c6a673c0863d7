// What can be sent without typing: canned replies and products, found by words or by a shortcut.
import { base } from "./transcript.js";
import { complain, get } from "./wire.js";

const panel = document.getElementById("picker");
const search = document.getElementById("picker-search");
const found = document.getElementById("picker-found");
const openers = { canned: document.getElementById("canned-open"), products: document.getElementById("goods-open") };
let kind = "canned";
let byBox = false;
let does = null;
let asked = null;
let timer = 0;

async function load(words) {
  asked?.abort();
  asked = new AbortController();
  try {
    const html = await (await get(`${base}/${kind}?q=${encodeURIComponent(words)}`, { own: true, signal: asked.signal })).text();
    found.innerHTML = html;
    select(0);
  } catch (error) { complain(error); }
}

function choices() { return [...found.querySelectorAll(".choice")]; }
function select(place) {
  const all = choices();
  all.forEach((one, n) => one.setAttribute("aria-selected", String(n === place)));
  all[place]?.scrollIntoView({ block: "nearest" });
}
function take(choice) {
  if (choice.dataset.card) does.send({ card: choice.dataset.card, about: choice.dataset.about, name: `商品卡片：${choice.dataset.name}` });
  else {
    if (byBox) does.words.value = "";
    does.fill(choice.dataset.fill);
  }
  picker.close();
}

export const picker = {
  use(what) { does = what; },
  isOpen: () => !panel.hidden,
  followsBox: () => byBox,
  /** Show what can be sent; `words` typed in the reply box search at once, else the panel has its own field. */
  open(what, words = "", focus = false) {
    if (kind !== what) found.replaceChildren();
    kind = what;
    byBox = words !== "";
    panel.hidden = false;
    search.hidden = byBox;
    search.placeholder = what === "canned" ? "搜索常用语，或输入 /快捷码" : "搜索商品";
    for (const [name, button] of Object.entries(openers)) button.setAttribute("aria-expanded", String(name === what));
    if (!byBox) search.value = "";
    clearTimeout(timer);
    timer = setTimeout(() => load(words), byBox ? 150 : 0);
    if (focus || !byBox) search.focus();
  },
  close() {
    const back = panel.contains(document.activeElement);
    panel.hidden = true;
    clearTimeout(timer);
    for (const button of Object.values(openers)) button.setAttribute("aria-expanded", "false");
    if (back) does.words.focus();
  },
  toggle(what) { if (picker.isOpen() && kind === what) picker.close(); else picker.open(what); },
  /** Handle a key of the box or of the search field; say whether it was used. */
  key(event) {
    const all = choices();
    const at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
    if (event.key === "Escape") picker.close();
    else if (event.key === "ArrowDown") select(Math.min(all.length - 1, at + 1));
    else if (event.key === "ArrowUp") select(Math.max(0, at - 1));
    else if (event.key === "Enter" && !event.shiftKey && all[at]) take(all[at]);
    else return false;
    event.preventDefault();
    return true;
  },
};

search.addEventListener("input", (event) => {
  if (event.isComposing) return;
  clearTimeout(timer);
  timer = setTimeout(() => load(search.value), 200);
});
search.addEventListener("compositionend", () => load(search.value));
search.addEventListener("keydown", (event) => { if (!event.isComposing && event.keyCode !== 229) picker.key(event); });
found.addEventListener("click", ({ target }) => { const choice = target.closest(".choice"); if (choice) take(choice); });
