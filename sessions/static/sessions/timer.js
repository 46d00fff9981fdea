/* The elapsed time of a session: computed from the server's start on every tick, so that sleep and reload never drift.
   Shown on the page and in the tab's title; in no live region, because nobody wants every second read aloud. */
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const clock = document.querySelector("[data-elapsed-from]");
  if (!clock) return;
  const from = Date.parse(clock.dataset.elapsedFrom);
  const until = clock.dataset.elapsedUntil ? Date.parse(clock.dataset.elapsedUntil) : null;
  // The device's clock may be wrong: only its distance from the server's, taken as the page came, is used.
  const came = Number(document.documentElement.dataset.keptAt) || Date.now();
  const ahead = came - Date.parse(clock.dataset.serverNow);
  const title = document.title;
  const two = (n) => String(n).padStart(2, "0");
  const tick = () => {
    const seconds = Math.max(0, Math.floor(((until ?? Date.now() - ahead) - from) / 1000));
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    clock.textContent = `${hours}:${two(minutes)}:${two(seconds % 60)}`;
    document.title = `${hours}:${two(minutes)} · ${title}`;
  };
  tick();
  if (until === null) setInterval(tick, 1000);

  // Keep the screen on while a session runs, where the browser can.
  const stayAwake = () => {
    if (until === null && "wakeLock" in navigator && document.visibilityState === "visible") navigator.wakeLock.request("screen").catch(() => {});
  };
  document.addEventListener("visibilitychange", () => { tick(); stayAwake(); });
  stayAwake();
});
