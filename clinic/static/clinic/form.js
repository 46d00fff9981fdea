/* Small helps for every page; nothing here is needed for a page to work.
   A form's record id is made by whoever opens the form, so sending it twice is one record: the server puts one into the
   hidden field, and this file makes a fresh one when a page is shown again from the browser's memory after it was sent. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const summary = document.querySelector("[data-focus]");
  if (summary) summary.focus();

  const dim = () => {
    const set = document.documentElement.dataset.theme;
    return set ? set === "dim" : matchMedia("(prefers-color-scheme: dark)").matches;
  };
  for (const button of document.querySelectorAll("[data-theme-switch]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const next = dim() ? "light" : "dim";
      document.documentElement.dataset.theme = next;
      document.cookie = `theme=${next}; path=/; max-age=31536000; samesite=lax` + (location.protocol === "https:" ? "; secure" : "");
    });
  }

  // A menu closes with Escape or a click elsewhere.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  // Whoever signs out leaves no page behind on the device (sessions/board-worker.js); the sign-in page makes sure.
  const forget = async () => {
    for (const name of await caches.keys()) if (name.startsWith("board-")) await caches.delete(name);
  };
  if ("caches" in window) {
    if (document.querySelector("[data-signed-out]")) forget();
    document.addEventListener("submit", (event) => {
      if (event.target.matches("[data-sign-out]")) setTimeout(() => event.defaultPrevented || forget(), 0);
    });
  }

  // Ticks what is there and what the page still asks for.
  for (const button of document.querySelectorAll("[data-tick-all]")) {
    const tick = () => {
      for (const box of button.form.querySelectorAll(`[name=${button.dataset.tickAll}]`)) box.checked = true;
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      tick();
      document.addEventListener("htmx:load", tick);
    });
  }

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }
});

window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const field of document.querySelectorAll("form[data-sent] input[name=public_id]")) field.value = crypto.randomUUID();
});
document.addEventListener("submit", (event) => { event.target.dataset.sent = "1"; });
