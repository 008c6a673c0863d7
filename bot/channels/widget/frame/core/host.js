// The page that embeds the widget: it is spoken to, and heard, under its exact origin alone.

const MARK = 1; // version of what is said

/** The host's origin where the page is embedded by one that may; "" where it stands alone. */
export function hostOrigin(search, origins) {
  if (window.parent === window) return "";
  const claimed = new URLSearchParams(search).get("host") ?? "";
  return claimed === location.origin || origins.includes(claimed) ? claimed : "";
}

export class Host {
  #origin;
  #handlers = new Map();

  /** @param {string} origin see `hostOrigin` */
  constructor(origin) {
    this.#origin = origin;
    if (origin) window.addEventListener("message", this.#hear);
  }

  get embedded() {
    return this.#origin !== "";
  }

  /** `on("identify", fn)`: hear what the host says; `fn` gets the whole object. */
  on(type, fn) {
    this.#handlers.set(type, fn);
  }

  /** Tell the host something. */
  tell(type, fields = {}) {
    if (this.#origin) window.parent.postMessage({ zhixin: MARK, type, ...fields }, this.#origin);
  }

  /** Tell it of an event that the shop's page may listen to. */
  event(name, detail = {}) {
    this.tell("event", { name, detail });
  }

  #hear = (event) => {
    if (event.source !== window.parent || event.origin !== this.#origin) return;
    const said = event.data;
    if (said === null || typeof said !== "object" || said.zhixin !== MARK) return;
    this.#handlers.get(said.type)?.(said);
  };
}

/** The known fields of a context as the server takes them, or null: what it would refuse is left out. */
export function readContext(given) {
  if (given === null || typeof given !== "object") return null;
  const found = {};
  for (const name of ["product_id", "order_id"]) {
    const id = String(given[name] ?? "");
    if (/^[\x21-\x7e]{1,64}$/.test(id)) found[name] = id;
  }
  const page = typeof given.page === "string" ? given.page.replace(/[\0\p{Cs}]/gu, "") : "";
  if (page) found.page = Array.from(page).slice(0, 500).join("");
  return Object.keys(found).length ? found : null;
}
