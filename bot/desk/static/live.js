// The live connection. Browsers open six connections to a host and server-sent events keep theirs, so of several
// tabs one holds it and passes the events on. Each tab then sees DOM events on document: desk:changed,
// desk:counts, desk:presence, desk:mention, desk:ended; in htmx: hx-trigger="desk:changed from:document".
(() => {
  "use strict";

  const NAMES = ["changed", "counts", "presence", "mention", "ended"];
  const agent = document.body.dataset.agent;
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(`desk-live-${agent}`) : null;
  const last = new Map();
  let lost = 0;

  function show(name, detail) {
    if (name === "state") {
      document.getElementById("offline").hidden = detail.open;
      return;
    }
    document.dispatchEvent(new CustomEvent(`desk:${name}`, { detail }));
    if (name === "ended") location.assign("/desk/login");
  }
  function spread(name, detail) {
    last.set(name, detail);
    channel?.postMessage({ name, detail });
    show(name, detail);
  }
  channel?.addEventListener("message", ({ data }) => {
    if (data.ask) { // a tab that was just opened wants to know the numbers
      for (const name of ["counts", "state"]) if (last.has(name)) channel.postMessage({ name, detail: last.get(name) });
    } else show(data.name, data.detail);
  });

  /** Hold the connection until the page is left; the promise never resolves, so the lock stays here. */
  function hold() {
    return new Promise(() => {
      let source;
      const open = () => {
        source = new EventSource("/desk/live");
        source.addEventListener("open", () => {
          if (lost) spread("changed", { ids: null }); // what was missed
          lost = 0;
          spread("state", { open: true });
        });
        for (const name of NAMES) {
          source.addEventListener(name, ({ data }) => {
            if (name === "ended") source.close();
            spread(name, JSON.parse(data));
          });
        }
        source.addEventListener("error", () => {
          lost += 1;
          if (lost > 1) spread("state", { open: false });
          if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
          fetch("/desk/session", { credentials: "same-origin", headers: { "X-Desk-Background": "1" } })
            .then(({ status }) => (status === 401 ? spread("ended", {}) : setTimeout(open, Math.min(30000, 1000 * 2 ** lost))))
            .catch(() => setTimeout(open, Math.min(30000, 1000 * 2 ** lost)));
        });
      };
      open();
      addEventListener("pagehide", () => source.close());
    });
  }

  if (channel && navigator.locks) {
    channel.postMessage({ ask: true });
    navigator.locks.request(`desk-live-${agent}`, hold);
  } else hold();
})();
