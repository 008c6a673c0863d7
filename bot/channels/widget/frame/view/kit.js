// What all views share: React without JSX, ChatUI, the tools, icons.

export const { React, ReactDOM, ChatUI } = window;
export const { createContext, createElement: h, Fragment, useCallback, useContext, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } = React;

/**
 * What a view works with: `{ words, lang, config, store, session, host, api }`.
 * `session.conversation` has the calls of the conversation at hand, `host.event(name, detail)` tells the shop's page.
 */
export const Tools = createContext(null);
export const useTools = () => useContext(Tools);

/** The store's state, or what `pick` takes from it (a value, or something kept in the state). */
export function useStore(pick = (state) => state) {
  const { store } = useTools();
  return React.useSyncExternalStore(store.subscribe, () => pick(store.snapshot()));
}

const PATHS = {
  send: "M5 12h13M12 5l7 7-7 7",
  close: "M6 6l12 12M18 6L6 18",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 2-2 5 4M15.5 9.5h.01",
  down: "M6 10l6 6 6-6",
  warn: "M12 4l9 16H3zM12 10v4M12 17h.01",
};

/** A drawing beside words, or within a named control. */
export function icon(name) {
  return h("svg", { viewBox: "0 0 24 24", className: "icon", "aria-hidden": true, focusable: "false" }, h("path", { d: PATHS[name] }));
}
