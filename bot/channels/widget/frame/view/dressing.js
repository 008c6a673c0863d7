// Changing the dress without moving what she reads: the text under her eyes stays where it is.

import { React } from "./kit.js";

const EYES = 0.33; // of the list's height: where one reads

const list = () => document.getElementById("scroll");

/** Remember where the text being read stands; the function that is returned puts it back there. */
export function hold() {
  const scroller = list();
  const anchor = scroller && readNow(scroller);
  const before = anchor?.getBoundingClientRect().top;
  return () => {
    if (!anchor?.isConnected) return;
    const moved = anchor.getBoundingClientRect().top - before;
    if (moved) scroller.scrollTop += moved;
  };
}

/** The message under her eyes: what has the focus, else the one at a third of the list's height. */
function readNow(scroller) {
  const focused = document.activeElement;
  if (focused && focused !== scroller && scroller.contains(focused)) return focused;
  const box = scroller.getBoundingClientRect();
  const eyes = box.top + box.height * EYES;
  let best = null;
  for (const message of scroller.querySelectorAll(".message")) {
    const { top, bottom } = message.getBoundingClientRect();
    if (bottom <= box.top) continue;
    if (top > eyes) return best ?? message;
    best = message;
  }
  return best;
}

/** Puts the dress on the page, in the same moment in which all that is arranged otherwise is drawn anew. */
export class Dressing extends React.Component {
  componentDidMount() {
    this.wear();
  }

  getSnapshotBeforeUpdate(before) {
    return before.style === this.props.style ? null : hold();
  }

  componentDidUpdate(_before, _state, putBack) {
    if (!putBack) return;
    this.wear();
    putBack();
  }

  wear() {
    const { style, motion } = this.props;
    Object.assign(document.documentElement.dataset, { style, motion });
  }

  render() {
    return null;
  }
}
