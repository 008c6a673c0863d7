// Who is chosen: a demo shopper with her token, kept for this tab, and renewed before the token ends.

import { login, Refused } from "./data.js";

const KEY = "zhixin-demo-shopper";
const RENEWED_AFTER = 0.8; // of a token's life
const AGAIN_MS = 20_000;

const heard = new Set();
let shopper = read();
let asking = null;
let timer = 0;

function read() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY));
    return kept && typeof kept.customer_id === "string" && typeof kept.token === "string" ? kept : null;
  } catch {
    return null;
  }
}

function keep(next) {
  shopper = next;
  try {
    if (next) sessionStorage.setItem(KEY, JSON.stringify(next));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Where nothing may be kept, the choice lasts until the page is left.
  }
  plan();
  for (const listener of heard) listener(shopper);
}

/** The token's life in ms by its own claims: the browser's clock need not be the front's. */
function lifeOf(token) {
  try {
    const claims = JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
    return Math.max(claims.exp - claims.iat, 10) * 1000;
  } catch {
    return 600_000;
  }
}

async function loggedIn(person) {
  const token = await login(person.customer_id);
  return { customer_id: person.customer_id, name: person.name, token, renew_at: Date.now() + lifeOf(token) * RENEWED_AFTER };
}

function plan(pause = shopper ? shopper.renew_at - Date.now() : 0) {
  clearTimeout(timer);
  if (shopper) timer = setTimeout(renew, Math.max(pause, 1000));
}

/** Get a fresh token for the same shopper, once however many ask; who is known no more is logged out. */
export function renew() {
  asking ??= (async () => {
    const before = shopper;
    try {
      const next = before && (await loggedIn(before));
      if (shopper === before && next) keep(next);
    } catch (error) {
      if (shopper === before && error instanceof Refused && error.status === 404) keep(null);
      else plan(AGAIN_MS);
    } finally {
      asking = null;
    }
    return shopper;
  })();
  return asking;
}

/** The chosen shopper `{customer_id, name, token}`, or null; with a token that still holds, where one can be had. */
export async function current() {
  if (shopper && shopper.renew_at <= Date.now()) await renew();
  return shopper;
}

/** Who is chosen by what is known at once. */
export const chosen = () => shopper;

/** Log in as somebody, or with null as nobody. Rejects where she cannot be logged in; the choice is then as before. */
export async function choose(person) {
  keep(person && (await loggedIn(person)));
}

/** Be told of each change of shopper or token. */
export function onShopper(listener) {
  heard.add(listener);
}

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && shopper && shopper.renew_at <= Date.now()) renew();
});
plan();
