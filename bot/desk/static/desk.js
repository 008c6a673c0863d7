// What all pages of the desk share: the CSRF token of htmx's requests, errors as toasts, the menu.
(() => {
  "use strict";

  const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

  /** Show a sentence for some seconds; text only. With `again` a button that tries again. */
  function toast(text, { error = false, again = null, login = false } = {}) {
    const box = document.createElement("p");
    box.className = error ? "toast error" : "toast";
    box.textContent = text;
    if (login) {
      const link = document.createElement("a");
      link.href = "/desk/login";
      link.target = "_blank";
      link.textContent = " 去登录";
      box.append(link);
    }
    if (again) {
      const button = document.createElement("button");
      button.className = "small";
      button.textContent = "重试";
      button.addEventListener("click", () => { box.remove(); again(); });
      box.append(" ", button);
    }
    document.getElementById("toasts")?.append(box);
    setTimeout(() => box.remove(), error ? 10000 : 4000);
  }

  /** POST a form's fields with the token; resolves to the response, also where it is refused. */
  function post(address, fields = {}) {
    const body = fields instanceof FormData ? fields : new URLSearchParams(fields);
    return fetch(address, { method: "POST", body, headers: { "X-CSRF-Token": token() }, credentials: "same-origin" });
  }

  document.addEventListener("htmx:configRequest", (event) => {
    const { detail } = event;
    if (detail.verb !== "get") detail.headers["X-CSRF-Token"] = token();
    // What the page asks by itself is no sign of the agent: the idle time runs on.
    const cause = detail.triggeringEvent;
    if (detail.verb === "get" && (!cause || !cause.isTrusted)) detail.headers["X-Desk-Background"] = "1";
  });
  document.addEventListener("htmx:responseError", ({ detail }) => {
    const { status, responseText } = detail.xhr;
    toast(responseText.length < 200 ? responseText : "没有成功，请再试一次。", { error: true, login: status === 401 });
  });
  document.addEventListener("htmx:sendError", () => toast("网络断开，没有发送成功。", { error: true }));
  document.addEventListener("htmx:timeout", () => toast("等了太久没有回应，请再试一次。", { error: true }));

  document.addEventListener("click", ({ target }) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
  });
  document.addEventListener("desk:counts", ({ detail }) => {
    for (const badge of document.querySelectorAll("[data-count]")) {
      const count = detail[badge.dataset.count] ?? 0;
      badge.textContent = count > 99 ? "99+" : String(count);
      badge.hidden = count === 0;
    }
  });

  window.desk = { toast, post, token };
})();
