// Moments as a shopper reads them, in the shop's time zone whatever hers is.

const ZONE = { timeZone: "Asia/Shanghai", hourCycle: "h23" };
const PARTS = new Intl.DateTimeFormat("en-CA", {
  ...ZONE, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit",
});
const DAY_MS = 24 * 60 * 60 * 1000;

function parts(at) {
  return Object.fromEntries(PARTS.formatToParts(at).map((part) => [part.type, part.value]));
}

/** The day in the shop's time zone: 2026-11-22. */
export function dayOf(at) {
  const { year, month, day } = parts(at);
  return `${year}-${month}-${day}`;
}

/** 今天 18:00, 昨天 18:00, 11月20日 18:00, 2025年11月20日 18:00; "" where it is no moment. */
export function stamp(iso, words, now = new Date()) {
  const at = new Date(iso);
  if (!iso || Number.isNaN(at.getTime())) return "";
  const { year, month, day, hour, minute } = parts(at);
  const clock = `${hour}:${minute}`;
  const when = dayOf(at);
  if (when === dayOf(now)) return words.today(clock);
  if (when === dayOf(new Date(now.getTime() - DAY_MS))) return words.yesterday(clock);
  return words.onDay({ year: year === parts(now).year ? null : Number(year), month: Number(month), day: Number(day) }, clock);
}
