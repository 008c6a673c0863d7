// Small helpers. Text enters the page as text nodes only: no markup is ever parsed.

export const byId = (id) => document.getElementById(id);

/** Make an element: `make("p", { class: "x" }, "text", child, …)`; null children are left out. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== "") element.append(child);
  }
  return element;
}

const ZONE = { timeZone: "Asia/Shanghai", hourCycle: "h23" };
const CLOCK = new Intl.DateTimeFormat("zh-CN", { ...ZONE, hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("zh-CN", { ...ZONE, month: "numeric", day: "numeric" });

/** 18:00, or "" where it is no moment. */
export function clock(iso) {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? "" : CLOCK.format(at);
}

/** 11月24日 18:00; a plain day without time. */
export function moment(iso) {
  const at = new Date(iso);
  if (!iso || Number.isNaN(at.getTime())) return "";
  const day = DAY.formatToParts(at).filter((p) => p.type === "month" || p.type === "day");
  const [month, date] = day.map((p) => p.value);
  return `${month}月${date}日` + (String(iso).includes("T") ? ` ${CLOCK.format(at)}` : "");
}

/** ¥89 or ¥89.50, or "" where it is no amount. */
export function money(amount) {
  const text = String(amount ?? "");
  if (!/^-?\d+(\.\d+)?$/.test(text)) return "";
  const [whole, cents = ""] = text.split(".");
  return `¥${whole}${/[1-9]/.test(cents) ? `.${cents.padEnd(2, "0")}` : ""}`;
}
