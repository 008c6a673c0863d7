// A dialog of the browser's own: it keeps the focus, ends with Escape, and gives the focus back.

import { h, useEffect, useId, useRef } from "./kit.js";

/**
 * A dialog that is open as long as it is drawn.
 *
 * `title` is shown and names it; where there is none `label` does. `close` names the button that ends it; `onClose` is called however it ends.
 * The focus goes back to where it was, or, where that is gone, to `back()`.
 */
export function Modal({ title, label, close, className, onClose, back, children }) {
  const dialog = useRef(null);
  const id = useId();
  useEffect(() => {
    const shown = dialog.current;
    const before = document.activeElement;
    if (!shown.open) shown.showModal();
    return () => {
      shown.close();
      const place = before?.isConnected && before !== document.body ? before : back?.();
      place?.focus({ preventScroll: true });
    };
  }, []);
  return h("dialog", {
    ref: dialog, className: `z-dialog ${className ?? ""}`,
    "aria-labelledby": title ? id : null, "aria-label": title ? null : label,
    onCancel: (event) => {
      event.preventDefault();
      onClose();
    },
    onClick: (event) => event.target === dialog.current && onClose(), // beside the sheet
  }, h("div", { className: "z-sheet" },
    h("div", { className: "z-sheet-head" },
      title && h("h2", { id }, title),
      h("button", { type: "button", className: "z-close", "aria-label": close, onClick: onClose },
        h("svg", { viewBox: "0 0 24 24", "aria-hidden": true }, h("path", { d: "M6 6l12 12M18 6L6 18" })))),
    children));
}
