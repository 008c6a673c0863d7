// Builds elements. Every word becomes a text node, so nothing that is shown can be markup.

/**
 * Make an element: `h("a", {class: "x", href}, "words", child)`. Properties that are null or false are left out;
 * `on…` are listeners. Children may be nested lists; null and false are left out.
 */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

/** Put other content into an element. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== false));
}

/** Tell a screen reader something that happened. */
export function tell(words) {
  document.getElementById("said").textContent = words;
}

/** A product's picture; the words beside it name it. */
export function picture(path, size, { lazy = true } = {}) {
  return h("img", {
    src: `/static/${path}`, alt: "", width: size, height: size, loading: lazy ? "lazy" : null, decoding: "async",
  });
}
