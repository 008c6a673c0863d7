// Which of the page's languages is spoken.

const KNOWN = ["zh-Hans", "zh-Hant", "en"];

/** The language of a tag (zh-TW, en-GB, …), or null. */
export function languageOf(tag) {
  const low = String(tag ?? "").toLowerCase();
  if (KNOWN.some((known) => known.toLowerCase() === low)) return KNOWN.find((known) => known.toLowerCase() === low);
  if (/^zh-(hant|tw|hk|mo)\b/.test(low)) return "zh-Hant";
  if (/^zh\b/.test(low)) return "zh-Hans";
  return /^en\b/.test(low) ? "en" : null;
}

/** The host's choice, else the first of the browser's that is known, else simplified Chinese. */
export function chooseLanguage(asked, preferred) {
  for (const tag of [asked, ...preferred]) {
    const found = languageOf(tag);
    if (found) return found;
  }
  return "zh-Hans";
}
