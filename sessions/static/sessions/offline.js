/* Has the board kept on the device while its session goes on, and says so when the network is away. */
"use strict";

(async () => {
  const notice = document.querySelector("[data-offline]");
  if (!notice || !("serviceWorker" in navigator)) return;
  const keptAt = Number(document.documentElement.dataset.keptAt) || 0;

  const show = () => {
    notice.hidden = navigator.onLine && !keptAt;
    const at = new Date(keptAt || Date.now()).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    if (!notice.hidden) notice.textContent = (keptAt ? notice.dataset.textKept : notice.dataset.textAway).replace("#", at);
  };

  // Shown from the device, and the network is back: show what is true now, unless something would be lost by it.
  const comeBack = async () => {
    if (!keptAt || document.querySelector("[data-queue]")?.children.length) return;
    const typed = [...document.querySelectorAll("[data-vitals] input:not([type=hidden])")].some((field) => field.value);
    if (typed) return;
    const there = await fetch(location.href, { method: "HEAD", redirect: "manual" }).catch(() => null);
    if (there) location.reload();
  };

  const tell = async () => {
    const worker = (await navigator.serviceWorker.ready).active;
    if (notice.dataset.keep !== "yes") {
      worker.postMessage({ drop: location.pathname });
      return;
    }
    const files = document.querySelectorAll("link[rel=stylesheet], link[rel=icon], script[src]");
    worker.postMessage({
      page: location.pathname,
      person: notice.dataset.person,
      shell: [...files].map((file) => file.href || file.src),
    });
  };

  show();
  window.addEventListener("offline", show);
  window.addEventListener("online", () => { show(); comeBack(); });
  document.body.addEventListener("vitals-saved", () => { tell(); comeBack(); });
  await navigator.serviceWorker.register(notice.dataset.worker, { scope: notice.dataset.scope }).catch(() => {});
  if (navigator.onLine && !keptAt) tell();
})();
