// She logs in: what she wrote before becomes hers.

import { ApiError, Conversation } from "./api.js";
import { Vault } from "./vault.js";

/**
 * Give a customer what was written in this `tab` before she logged in; an unused conversation, or another tab's, is left.
 * Nothing is kept for her where she is not `current()` any more; `late`: what she has begun since stays at hand. Returns
 * whether it has to be tried again later.
 */
export async function bringAlong(api, { token, customer, tab, current, late = false }) {
  const before = new Vault(null);
  const vault = new Vault(customer);
  const kept = before.conversation;
  if (!kept || before.wroteHere !== kept.id) {
    before.handOver(vault, (item) => item.tab === tab);
    return false;
  }
  try {
    await new Conversation(api, kept.id, kept.secret).identify(token);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (!current()) return false;
    if (error.status === 401) return false; // with a fresh token it will do
    before.handOver(vault, (item) => item.tab === tab);
    if (error.passing || error.status >= 500) return true;
    if (before.conversation?.id === kept.id) before.forgetConversation(); // gone, or somebody else's
    return false;
  }
  if (!current()) return false;
  // She may have begun anew meanwhile: then that is hers too.
  if (before.conversation?.id !== kept.id) return bringAlong(api, { token, customer, tab, current, late });
  before.handOver(vault, () => true);
  before.forgetConversation();
  if (late && vault.conversation) return false; // it is in her history
  vault.keep(kept);
  vault.opened();
  return false;
}
