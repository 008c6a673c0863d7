// New goods, in the dress that likes them: once, below the greeting; nothing where the shop has none or does not answer.

import { Shelf } from "./cards/products.js";
import { hold } from "./dressing.js";
import { ReactDOM, h, useEffect, useState, useStore } from "./kit.js";
import { Sheet } from "./parts.js";
import { isRecord, line, rows } from "./values.js";
import { useView } from "./views.js";

let asked = null; // once for a page

/** The strip of new arrivals, or nothing in other dresses. */
export function Arrivals() {
  const view = useView();
  const caught = useStore((state) => state.caught);
  return view.dress.arrivals && caught ? h(Strip, { view }) : null;
}

function Strip({ view }) {
  const [list, setList] = useState([]);
  useEffect(() => {
    let gone = false;
    asked ??= view.api.arrivals().then(read);
    asked.then((found) => {
      if (gone || !found.length) return;
      const putBack = hold();
      ReactDOM.flushSync(() => setList(found));
      putBack();
    }, () => {
      asked = null;
    });
    return () => {
      gone = true;
    };
  }, []);
  if (!list.length) return null;
  return h("div", { className: "message theirs" },
    h(Sheet, { kind: "arrivals", label: view.words.cards.arrivals, wide: true },
      h("p", { className: "z-title" }, view.words.cards.arrivals),
      h(Shelf, { list, tools: view })));
}

const read = (found) =>
  (isRecord(found) ? rows(found.products, 8).filter((product) => line(product.name) || line(product.short_name)) : []);
