// Addresses in what the assistant or an agent says. Only http and https, never with a name and password in them.

const CANDIDATE = /https?:\/\/[^\s<>"'`，。；：！？、（）【】《》「」『』“”‘’]+/gi;
const TAIL = /[.,;:!?)\]}]+$/;

function address(text) {
  try {
    const url = new URL(text);
    return /^https?:$/.test(url.protocol) && !url.username && !url.password ? url.href : null;
  } catch {
    return null;
  }
}

/** Cut a text into `{ text, href? }`. */
export function withLinks(text) {
  const found = [];
  let at = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const shown = match[0].replace(TAIL, "");
    const href = address(shown);
    if (!href) continue;
    if (match.index > at) found.push({ text: text.slice(at, match.index) });
    found.push({ text: shown, href });
    at = match.index + shown.length;
  }
  if (at < text.length) found.push({ text: text.slice(at) });
  return found;
}
