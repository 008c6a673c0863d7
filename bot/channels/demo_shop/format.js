// Amounts and moments as people read them; times are those of the shop, wherever the browser is.

const ZONE = "Asia/Shanghai";
const PARTS = new Intl.DateTimeFormat("zh-CN", {
  timeZone: ZONE, year: "numeric", month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

function parts(iso) {
  return Object.fromEntries(PARTS.formatToParts(new Date(iso)).map(({ type, value }) => [type, value]));
}

/** "429.00" → "429", "89.50" → "89.50": whole yuan without what is nought, otherwise exactly as told. */
export function amount(text) {
  return text.endsWith(".00") ? text.slice(0, -3) : text;
}

/** "429.00" → "¥429". */
export const price = (text) => `¥${amount(text)}`;

/** 11月19日 11:45. */
export function moment(iso) {
  const { month, day, hour, minute } = parts(iso);
  return `${month}月${day}日 ${hour}:${minute}`;
}

/** 2026年11月19日; of a mere date too. */
export function day(iso) {
  const { year, month, day: date } = parts(iso.length === 10 ? `${iso}T12:00:00+08:00` : iso);
  return `${year}年${month}月${date}日`;
}

/** A deadline: midnight is 24:00 of the day that ends. */
export function deadline(iso) {
  const { hour, minute } = parts(iso);
  if (hour !== "00" || minute !== "00") return moment(iso);
  const before = parts(new Date(new Date(iso).getTime() - 60_000).toISOString());
  return `${before.month}月${before.day}日 24:00`;
}

/** How long goods keep: 18 个月 for 540 days, 12 个月 for 365, 45 天. */
export function shelfLife(days) {
  if (days && days % 365 === 0) return `${(days / 365) * 12} 个月`;
  return days > 30 && days % 30 === 0 ? `${days / 30} 个月` : `${days} 天`;
}

/** 1890 → "1890", 98200 → "9.8 万". */
export function count(number) {
  return number < 10_000 ? String(number) : `${Math.floor(number / 1000) / 10} 万`;
}
