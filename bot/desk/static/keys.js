// Single keys for the frequent steps: never while something is typed or composed, and they can be switched off.
// A key becomes the event desk:key on document, { detail: { key } }; pages do what they can with it.
import { kept } from "./wire.js";

const OFF = "desk-keys-off";
const KNOWN = new Set(["j", "k", "/", "t", "r", "n", "c", "b", "e", "?"]);
const dialog = document.getElementById("keys");
const choice = document.getElementById("keys-on");

function typing(target) {
  return target instanceof Element && target.closest("input, textarea, select, [contenteditable]") !== null;
}

if (choice) {
  choice.checked = kept.get(OFF) !== "1";
  choice.addEventListener("change", () => kept.set(OFF, choice.checked ? null : "1"));
}
document.getElementById("help")?.addEventListener("click", () => dialog?.showModal());

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey) return;
  if (typing(event.target) || document.querySelector("dialog[open]") || kept.get(OFF) === "1") return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!KNOWN.has(key) || event.repeat) return;
  event.preventDefault();
  if (key === "?") dialog?.showModal();
  else if (key === "/" && document.getElementById("search")) document.getElementById("search").focus();
  else document.dispatchEvent(new CustomEvent("desk:key", { detail: { key } }));
});
