/* The quick exit of a patient's page. Without this file it is a plain link to a neutral page. With it: the page is gone from
   sight at once, Escape does the same, the pages of one link take one place in the browser's history, and Back does not
   bring them up again. Loaded before the page is drawn, so that a page that was left is not seen even for a moment. */
"use strict";

(() => {
  const neutral = document.currentScript.dataset.leaveTo;
  const remember = (left) => {
    try { if (left) sessionStorage.setItem("left", "1"); else sessionStorage.removeItem("left"); } catch { /* then Back is not held back */ }
  };
  const left = () => {
    try { return sessionStorage.getItem("left") !== null; } catch { return false; }
  };
  const leave = () => {
    remember(true);
    document.documentElement.hidden = true;
    location.replace(neutral);
  };

  const [came] = performance.getEntriesByType("navigation");
  if (left()) {
    // Whoever opens the link anew has not come Back.
    if (came && came.type === "back_forward") leave();
    else remember(false);
  }
  addEventListener("pageshow", (event) => { if (event.persisted && left()) leave(); });

  document.addEventListener("keydown", (event) => { if (event.key === "Escape") leave(); });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    if (link.hasAttribute("data-leave")) { event.preventDefault(); leave(); return; }
    if (link.origin === location.origin && link.pathname.startsWith("/p/")) { event.preventDefault(); location.replace(link.href); }
  });
})();
