// A picture of the conversation, from this very origin; a tap shows it large.

import { Modal } from "../modal.js";
import { h, useState } from "../kit.js";
import { line, ownPicture } from "../values.js";

const TALLEST = 260; // px
const WIDEST = 320;

export function Picture({ message, tools }) {
  const words = tools.words.cards;
  const [large, setLarge] = useState(false);
  const [lost, setLost] = useState(false);
  const address = ownPicture(message.url);
  const mine = message.author === "shopper";
  const alt = line(message.text) || (mine ? words.myPicture : words.picture);
  if (!address || lost) return h("p", { className: "z-fallback" }, line(message.text) || words.pictureLost);
  const [width, height] = [size(message.width), size(message.height)];
  const known = width && height; // its place is kept until it is here
  const shrink = known ? Math.min(1, TALLEST / height, WIDEST / width) : 1;
  const place = known ? { width: `${Math.round(width * shrink)}px`, aspectRatio: `${width} / ${height}` } : null;
  return h("div", { className: "z-picture" },
    h("button", { type: "button", "aria-label": words.enlarge(alt), onClick: () => setLarge(true) },
      h("img", { src: address, alt: "", loading: "lazy", decoding: "async", style: place, onError: () => setLost(true) })),
    large && h(Modal, { label: alt, className: "z-viewer", close: words.close, onClose: () => setLarge(false) },
      h("img", { src: address, alt, width, height })));
}

const size = (value) => (Number.isSafeInteger(value) && value > 0 && value < 20000 ? value : null);
