// Embeds the chat as a shop's page does: one script element, and a few calls of `Zhixin`.

const ADDRESS = "/widget.js";

/** The line that an integrator writes; a shop's backend puts the token there. */
export const LINE = `<script src="${location.origin}${ADDRESS}" data-token="…" async></script>`;

/** Write that line into the page, with the token of whoever is logged in. */
export function embed(token) {
  const script = document.createElement("script");
  script.src = ADDRESS;
  script.async = true;
  if (token) script.dataset.token = token;
  document.head.append(script);
}

/** Call `use(Zhixin)`, now or once the script is there. */
export function chat(use) {
  window.Zhixin ??= [];
  if (Array.isArray(window.Zhixin)) window.Zhixin.push(use);
  else use(window.Zhixin);
}
