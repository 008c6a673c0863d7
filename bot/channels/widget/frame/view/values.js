// What comes from a backend is looked at before it is shown: wrong kinds and missing fields become "" or [], never an error.

const LONGEST = 300;
const MOST = 60;

/** A line to show: strings and finite numbers, cut where they are endless; all else is "". */
export function line(value, longest = LONGEST) {
  const text = typeof value === "string" ? value : typeof value === "number" && Number.isFinite(value) ? String(value) : "";
  if (text.length <= longest) return text.trim();
  return `${Array.from(text.slice(0, longest * 2)).slice(0, longest).join("").trim()}…`;
}

/** The rows of a list: objects only, and no more than can be looked through. */
export const rows = (value, most = MOST) => (Array.isArray(value) ? value.slice(0, 1000).filter(isRecord).slice(0, most) : []);

/** The lines of a list. */
export const lines = (value, most = 8, longest = 20) =>
  (Array.isArray(value) ? value.slice(0, most).map((one) => line(one, longest)).filter(Boolean) : []);

export const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** A count: a whole number from 0, or null. */
export const count = (value) => (Number.isSafeInteger(value) && value >= 0 ? value : null);

/** ¥89 or ¥89.50, or "" where it is no amount. */
export function money(amount) {
  const text = line(amount, 16);
  const found = /^(-?)(\d{1,12})(?:\.(\d+))?$/.exec(text);
  if (!found) return "";
  const [, minus, whole, cents = ""] = found;
  return `${minus && "−"}¥${whole}${/[1-9]/.test(cents) ? `.${cents.slice(0, 2).padEnd(2, "0")}` : ""}`;
}

const ZONE = { timeZone: "Asia/Shanghai", hourCycle: "h23" };
const PARTS = new Intl.DateTimeFormat("en-GB", {
  ...ZONE, year: "numeric", month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit",
});
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MINUTE = 60000;

function parts(at) {
  const found = Object.fromEntries(PARTS.formatToParts(at).map((part) => [part.type, part.value]));
  return { year: Number(found.year), month: Number(found.month), day: Number(found.day), clock: `${found.hour}:${found.minute}` };
}

function day({ year, month, day: date }, lang) {
  const other = year !== parts(new Date()).year;
  if (lang === "en") return `${date} ${MONTHS[month - 1]}${other ? ` ${year}` : ""}`;
  return `${other ? `${year}年` : ""}${month}月${date}日`;
}

function parse(iso) {
  if (typeof iso !== "string" || !/^\d{4}-\d\d-\d\d/.test(iso) || iso.length > 40) return null;
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? null : at;
}

/** 11月24日 18:00 in the shop's time; a plain day without time; "" where it is none. */
export function moment(iso, lang = pageLang()) {
  const at = parse(iso);
  if (!at) return "";
  const found = parts(at);
  return iso.includes("T") ? `${day(found, lang)} ${found.clock}` : day(found, lang);
}

/** As `moment`, but what ends at midnight ends at 24:00 of the day before. */
export function deadline(iso, lang = pageLang()) {
  const at = parse(iso);
  if (!at || !iso.includes("T") || parts(at).clock !== "00:00") return moment(iso, lang);
  return `${day(parts(new Date(at.getTime() - MINUTE)), lang)} 24:00`;
}

const pageLang = () => (document.documentElement.lang.startsWith("en") ? "en" : "zh");

/** The address of one of the shop's own drawings, or "": a backend's free text never becomes an address. */
export const drawing = (path) => (/^pictures\/[\w-]{1,60}\.(svg|png|jpe?g|webp)$/.test(line(path, 80)) ? `/static/${path}` : "");

/** The address of a picture in the conversation: of this very origin (or of this page's own memory), or "". */
export function ownPicture(url) {
  if (typeof url !== "string" || !url || url.length > 500) return "";
  try {
    const address = new URL(url, location.origin);
    if (address.origin !== location.origin) return "";
    if (address.protocol === "blob:") return url;
    return /^https?:$/.test(address.protocol) ? address.pathname + address.search : "";
  } catch {
    return "";
  }
}

/** The address of a product's page after the shop's pattern, or "" where there is none. */
export function productPage(pattern, productId) {
  const id = line(productId, 64);
  if (!id || typeof pattern !== "string" || !pattern.includes("{product_id}")) return "";
  try {
    const address = new URL(pattern.replace("{product_id}", encodeURIComponent(id)), location.origin);
    return /^https?:$/.test(address.protocol) ? address.href : "";
  } catch {
    return "";
  }
}
