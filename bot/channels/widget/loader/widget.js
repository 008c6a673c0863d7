// Draws the launcher and the chat on a shop's page. It leaves one global name, Zhixin, and one element.
(() => {
  "use strict";

  const MARK = 1; // version of what is said between the two pages
  const PATIENCE_MS = 10000;
  const PHONE = "(max-width: 30em), (max-height: 26em)";
  const EVENTS = ["message", "owner", "rated", "product", "token", "identified", "error"];
  const WORDS = {
    "zh-Hans": ["在线客服", (n) => `，${n} 条未读消息`, "正在打开…", "暂时打不开，请检查网络。", "重试"],
    "zh-Hant": ["線上客服", (n) => `，${n} 則未讀訊息`, "正在開啟…", "暫時無法開啟，請檢查網路。", "重試"],
    en: ["Customer service", (n) => `, ${n} unread`, "Opening…", "The chat cannot be reached. Please check your connection.", "Try again"],
  };

  // Nothing is known of a module's own element, and what others load by name may hide it.
  const isLoader = (s) => /\/widget\.js$/.test(s.src.split(/[?#]/)[0]);
  const current = document.currentScript;
  const script = current && isLoader(current) ? current : [...document.scripts].filter(isLoader).pop();
  if (!script) return;
  const given = script.dataset;

  const before = window.Zhixin;
  if (before && typeof before.identify === "function") {
    // Loaded again, as pages do that change their content themselves: a new token counts.
    if (given.token) before.identify(given.token);
    return;
  }

  const origin = new URL(script.src).origin;
  const lang = languageOf(given.lang || document.documentElement.lang || navigator.language);
  const [title, unreadWords, opening, unreachable, again] = WORDS[lang];
  const listeners = new Map();
  let token = given.token || null;
  let out = false; // the page said itself that nobody is logged in
  let stale = false; // a fresh token was asked for
  let context = null;
  let open = false;
  let ready = false;
  let unread = 0;
  let frame = null;
  let opener = null; // what had the focus before
  let timer = 0;

  function languageOf(tag) {
    if (/^zh\b.*\b(hant|tw|hk|mo)\b/i.test(tag)) return "zh-Hant";
    return !tag || /^zh/i.test(tag) ? "zh-Hans" : "en";
  }

  // What is drawn. In a closed shadow root, by DOM calls alone: the page's policy may forbid inline styles.

  const CSS = `
:host { all: initial !important; direction: ltr !important; position: fixed !important; z-index: 2147483000 !important;
  inset: auto !important; display: block !important; width: 0 !important; height: 0 !important; }
* { box-sizing: border-box; }
.root { font: 1em/1.5 system-ui, -apple-system, "PingFang SC", "Microsoft YaHei", sans-serif; color: #1d2630; }
button { font: inherit; cursor: pointer; }
button:focus-visible { outline: 3px solid #1f5fbf; outline-offset: 3px; box-shadow: 0 0 0 3px #fff; }
.launcher { position: fixed; bottom: calc(1.25em + env(safe-area-inset-bottom)); right: calc(1.25em + env(safe-area-inset-right));
  width: 3.5em; height: 3.5em; padding: 0; border: 2px solid #fff; border-radius: 50%; background: #1f5fbf; color: #fff;
  box-shadow: 0 2px 12px rgb(0 0 0 / .3); display: grid; place-items: center; }
.launcher:hover { background: #184d9c; }
svg { width: 1.75em; height: 1.75em; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; }
.cross, .open .bubble { display: none; }
.open .cross { display: block; }
.badge { position: absolute; top: -.35em; right: -.35em; min-width: 1.6em; padding: 0 .4em; border-radius: 1em; background: #b3261e;
  color: #fff; font-size: .8em; line-height: 1.6; text-align: center; }
.badge:empty { display: none; }
.said { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.panel { position: fixed; bottom: calc(5.5em + env(safe-area-inset-bottom)); right: calc(1.25em + env(safe-area-inset-right));
  width: min(24em, 100vw - 2.5em); height: min(40em, 100vh - 7em); height: min(40em, 100dvh - 7em); overflow: hidden;
  border: 1px solid #c7cfd8; border-radius: 1em; background: #fff; box-shadow: 0 8px 40px rgb(0 0 0 / .25); visibility: hidden; opacity: 0; }
.left .launcher, .left .panel { right: auto; left: calc(1.25em + env(safe-area-inset-left)); }
.open .panel { visibility: visible; opacity: 1; }
iframe { display: block; width: 100%; height: 100%; border: 0; opacity: 0; }
.ready iframe { opacity: 1; }
.wait { position: absolute; inset: 0; display: flex; flex-direction: column; gap: 1em; align-items: center; justify-content: center;
  padding: 1.5em; text-align: center; }
.wait p { margin: 0; }
.wait button { padding: .5em 1.5em; border: 1px solid #1f5fbf; border-radius: 2em; background: #fff; color: #1f5fbf; }
.ready .wait, [hidden] { display: none !important; }
@media ${PHONE} {
  .root .panel { inset: var(--top, 0) 0 auto 0; width: auto; height: 100vh; height: var(--height, 100dvh); border: 0; border-radius: 0;
    padding: env(safe-area-inset-top) env(safe-area-inset-right) env(safe-area-inset-bottom) env(safe-area-inset-left); }
  .open .launcher { z-index: 1; }
  .open.ready .launcher { display: none; }
}
@media (prefers-reduced-motion: no-preference) {
  .open .panel { transition: opacity .15s; }
  .launcher { transition: background-color .15s; }
}
@media (prefers-color-scheme: dark) {
  .panel, .wait button { background: #14181d; color: #e8edf2; border-color: #3a444f; }
}
@media print { .root { display: none; } }`;

  function make(name, className, ...children) {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  function icon(className, path) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS(svg.namespaceURI, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    svg.setAttribute("class", className);
    line.setAttribute("d", path);
    svg.append(line);
    return svg;
  }

  const badge = make("span", "badge");
  badge.setAttribute("aria-hidden", "true");
  const launcher = make("button", "launcher",
    icon("bubble", "M4 5h16v11H10l-5 4v-4H4zM8 9h8M8 12h5"), icon("cross", "M6 6l12 12M18 6L6 18"), badge);
  launcher.type = "button";
  const said = make("span", "said");
  said.setAttribute("role", "status");
  const note = make("p", "", opening);
  const retry = make("button", "", again);
  retry.type = "button";
  retry.hidden = true;
  const wait = make("div", "wait", note, retry);
  const panel = make("div", "panel", wait);
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-label", title);
  const root = make("div", given.position === "left" ? "root left" : "root", panel, launcher, said);
  root.lang = lang;
  const host = make("zhixin-chat");
  const shadow = host.attachShadow({ mode: "closed" });
  shadow.append(root);
  if (shadow.adoptedStyleSheets) {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    shadow.adoptedStyleSheets = [sheet];
  } else {
    shadow.prepend(make("style", "", CSS));
  }

  // Beside the body, not in it: pages replace their body, and one that is transformed would move what is fixed.
  function mount() {
    if (host.isConnected) return;
    document.documentElement.append(host);
    if (frame) load(); // a frame that was taken out with it begins anew
  }

  function show() {
    root.classList.toggle("open", open);
    root.classList.toggle("ready", ready);
    launcher.setAttribute("aria-expanded", String(open));
    const news = !open && unread > 0 ? title + unreadWords(unread) : "";
    launcher.setAttribute("aria-label", news || title);
    badge.textContent = news && (unread > 99 ? "99+" : String(unread));
    if (said.textContent !== news) said.textContent = news;
  }

  // On a phone the panel keeps to what the keyboard leaves; a page that is zoomed by two fingers stays as it is.
  const view = window.visualViewport;
  function fit() {
    const zoomed = view.scale > 1.01;
    panel.style.setProperty("--top", zoomed ? "0px" : `${view.offsetTop}px`);
    panel.style.setProperty("--height", zoomed ? "100dvh" : `${view.height}px`);
  }
  if (view) for (const change of ["resize", "scroll"]) view.addEventListener(change, fit);

  // The frame, and what is said to it and heard of it: under its exact origin alone.

  function tell(type, fields) {
    if (ready) frame.contentWindow?.postMessage({ zhixin: MARK, type, ...fields }, origin);
  }

  function load() {
    ready = false;
    note.textContent = opening;
    retry.hidden = true;
    clearTimeout(timer);
    timer = setTimeout(() => {
      note.textContent = unreachable;
      retry.hidden = false;
      emit("error", { code: "unreachable" });
    }, PATIENCE_MS);
    frame?.remove();
    frame = make("iframe");
    frame.title = title;
    frame.referrerPolicy = "no-referrer";
    frame.src = `${origin}/widget/?host=${encodeURIComponent(location.origin)}&lang=${lang}`;
    panel.append(frame);
    show();
  }

  function hear({ source, origin: from, data }) {
    if (!frame || source !== frame.contentWindow || from !== origin) return;
    if (data === null || typeof data !== "object" || data.zhixin !== MARK) return;
    if (data.type === "ready") {
      clearTimeout(timer);
      ready = true;
      show();
      tell("hello", { token, lang, context, open, out });
      mark();
      emit("ready");
      if (shadow.activeElement) focusFrame();
    } else if (data.type === "close") {
      toggle(false);
    } else if (data.type === "unread") {
      unread = Math.max(0, Math.floor(Number(data.count)) || 0);
      show();
      emit("unread", { count: unread });
    } else if (data.type === "event" && EVENTS.includes(data.name)) {
      stale ||= data.name === "token";
      const detail = data.detail ?? {};
      if (data.name === "product") product(detail.url);
      emit(data.name, detail);
    }
  }

  // A page that does not show products itself is left for the product's own; one that does is not covered by the chat.
  function product(url) {
    if (listeners.get("product")?.size) {
      if (matchMedia(PHONE).matches) toggle(false);
    } else if (/^https?:/.test(url)) {
      location.assign(url);
    }
  }

  function emit(name, detail = {}) {
    for (const fn of [...(listeners.get(name) ?? [])]) guarded(fn, detail);
  }

  // What a listener gets wrong is the page's to hear of, and stops no other.
  function guarded(fn, ...values) {
    try {
      fn(...values);
    } catch (error) {
      setTimeout(() => { throw error; });
    }
  }

  function focusFrame() {
    (ready ? frame : launcher).focus();
  }

  function toggle(wanted) {
    mount();
    if (wanted === open) {
      if (open) focusFrame();
      return;
    }
    const at = document.activeElement;
    open = wanted;
    if (open && !frame) load();
    show();
    tell("shown", { open });
    if (open) {
      opener = at === host || at === document.body ? launcher : at;
      remember();
      focusFrame();
    } else if (at === host) { // it comes back from the chat; it is not taken from where she is in the page
      (opener?.isConnected ? opener : launcher).focus();
    }
    emit(open ? "open" : "close");
  }

  launcher.addEventListener("click", () => toggle(!open));
  retry.addEventListener("click", () => { load(); launcher.focus(); });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && open) {
      event.stopPropagation();
      toggle(false);
    }
  });
  window.addEventListener("message", hear);

  // A page that nobody chats on loads nothing more than this file. Once the chat was open in this tab, later
  // pages load it when they are idle: an answer may be under way, and the launcher is to show it.
  const USED = "zhixin-used";
  function remember() {
    try { sessionStorage.setItem(USED, "1"); } catch { /* storage is refused: no early loading */ }
    mark();
  }
  // Other tabs, and days, may have left something of a customer in the frame's storage; a logout has the frame clear it.
  function mark() {
    try {
      if (out) localStorage.removeItem(USED);
      else if (token) localStorage.setItem(USED, "1");
    } catch { /* refused: then the frame is asked each time */ }
  }
  function mayKeep() {
    try { return localStorage.getItem(USED) !== null; } catch { return true; }
  }
  function wasUsed() {
    try { return sessionStorage.getItem(USED) !== null; } catch { return false; }
  }
  const idle = window.requestIdleCallback ?? ((fn) => setTimeout(fn, 1));
  function whenLoaded(fn) {
    if (document.readyState === "complete") fn();
    else window.addEventListener("load", fn, { once: true });
  }

  const api = Object.freeze({
    open: () => toggle(true),
    close: () => toggle(false),
    identify(fresh) {
      const next = typeof fresh === "string" && fresh ? fresh : null;
      if (next === token && !stale && out === !next) return;
      token = next;
      out = !next;
      stale = false;
      tell("identify", { token });
      if (ready) mark();
      else if (out && !frame && mayKeep()) whenLoaded(() => idle(() => { if (out && !frame) { mount(); load(); } }));
    },
    context(seen) {
      context = null;
      for (const key of ["product_id", "order_id", "page"]) {
        const value = seen?.[key];
        if (typeof value === "string" || typeof value === "number") (context ??= {})[key] = String(value).slice(0, 500);
      }
      tell("context", { context });
    },
    on(name, fn) {
      if (typeof fn !== "function") throw new TypeError("Zhixin.on(name, function)");
      if (!listeners.has(name)) listeners.set(name, new Set());
      const mine = (detail) => fn(detail);
      listeners.get(name).add(mine);
      if (name === "ready" && ready) guarded(mine, {});
      return () => listeners.get(name).delete(mine);
    },
    push: (fn) => guarded(fn, api), // what a page wrote before this file was there: (window.Zhixin ||= []).push(fn)
  });
  window.Zhixin = api;

  show();
  if (document.body) mount();
  else document.addEventListener("DOMContentLoaded", mount, { once: true });
  if (wasUsed()) whenLoaded(() => idle(() => { if (!frame) { mount(); load(); } }));
  if (Array.isArray(before)) for (const fn of before) guarded(fn, api);
})();
