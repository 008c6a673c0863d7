// Asks the front for what the pages show.

/** A request that was refused or did not come through; `status` is 0 where nobody answered. */
export class Refused extends Error {
  constructor(status, code) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { credentials: "omit", ...options });
  } catch {
    throw new Refused(0, "offline");
  }
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, data.error?.code ?? "");
  return data;
}

let shelf = null;

/** All products; asked for once while the page is open. */
export function products() {
  shelf ??= ask("/demo/products").then((data) => data.products, (error) => {
    shelf = null;
    throw error;
  });
  return shelf;
}

/** One product with its variants. */
export async function product(id) {
  return (await ask(`/demo/products/${encodeURIComponent(id)}`)).product;
}

/** The orders of the shopper whose token it is. */
export async function orders(token) {
  return (await ask("/demo/my-orders", { headers: { Authorization: `Bearer ${token}` } })).orders;
}

/** Who can be chosen. */
export async function shoppers() {
  return (await ask("/demo/shoppers")).shoppers;
}

/** A token for one of them. A shop's own backend makes it for whoever is logged in there. */
export async function login(customerId) {
  const body = JSON.stringify({ customer_id: customerId });
  const headers = { "Content-Type": "application/json" };
  return (await ask("/demo/login", { method: "POST", headers, body })).token;
}
