// One message on its way to the server: by WebSocket where one is up, else by HTTP.

/**
 * Hand in an item of the outbox; returns when the server has it. Its id makes a second delivery harmless.
 *
 * @throws ApiError where it was refused, or could not be made
 */
export async function deliver(conversation, link, item, { file, onprogress }) {
  const { message_id: messageId, text, button, context } = item;
  if (file) {
    await conversation.picture({ messageId, file, context, onprogress });
    link?.catchUp();
    return;
  }
  const message = { message_id: messageId, ...(text === undefined ? { button } : { text }), ...(context ? { context } : {}) };
  if (await link?.send(message)) return;
  // The answer may take seconds; the message is on its way, and its place is asked for meanwhile.
  const timer = setTimeout(() => link?.catchUp(), 1500);
  await conversation.chat(message).finally(() => clearTimeout(timer));
  await link?.catchUp();
}
