// What cards, panel and shortcuts work with, beside the tools that all views share.

import { DRESS } from "../core/dress.js";
import { useMemo, useStore, useTools } from "./kit.js";
import { line } from "./values.js";

/**
 * `{ words, config, api, conversation, style, dress, tap, ask, open, rated }`: `dress` are the features of the style that is worn,
 * `tap(name, shown, number)` takes a step that is offered at all times (bot/conversation/standing.yml), `ask(productId, shown)`
 * the one that asks about a product, `open(product, url)` tells the shop's page which product she wants to see.
 */
export function useView() {
  const { words, config, api, session, host } = useTools();
  const style = useStore((state) => state.style);
  const id = useStore((state) => state.conversation); // another one has other calls
  return useMemo(() => ({
    words, config, api, style,
    conversation: session.conversation,
    dress: Object.hasOwn(DRESS, style) ? DRESS[style] : DRESS.neutral,
    tap(name, shown, value = "") {
      session.tap({ id: value ? `menu-${name}-${value}` : `menu-${name}`, title: value ? `${shown} ${value}` : shown });
    },
    ask(productId, shown) {
      const named = /^[\w-]{1,50}$/.test(productId); // another is told by what she looks at
      session.tap({ id: named ? `menu-product-${productId}` : "menu-product", title: shown }, { product_id: productId });
    },
    open: (product, url) => {
      host.event("product", { product_id: line(product.product_id, 64), name: line(product.name, 120), url });
      return host.embedded;
    },
    rated: (score) => host.event("rated", { score }),
  }), [words, config, api, session, host, style, id]);
}
