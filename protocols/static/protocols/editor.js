/* The editor of a protocol: a finding leads to its line, and what is not saved is not left by accident. The page works
   without this. */
(() => {
  "use strict";
  const form = document.querySelector("[data-editor]");
  if (!form) return;
  const text = form.querySelector("textarea");
  const saved = text.defaultValue; // what is typed before this runs is not saved either
  let leaving = false;

  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-go-to-line]");
    if (!button) return;
    const line = Number(button.dataset.goToLine);
    const lines = text.value.split("\n");
    const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    text.focus();
    text.setSelectionRange(start, start + (lines[line - 1] || "").length);
    const height = parseFloat(getComputedStyle(text).lineHeight);
    text.scrollTop = Math.max(0, (line - 4) * height);
  });

  text.addEventListener("keydown", (event) => {
    if (event.key !== "Tab" || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return;
    if (text.dataset.escaped) return; // Escape, then Tab, leaves the field as everywhere else
    event.preventDefault();
    text.setRangeText("  ", text.selectionStart, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
  });
  text.addEventListener("keyup", (event) => {
    if (event.key === "Escape") text.dataset.escaped = "1";
    else if (event.key !== "Tab") delete text.dataset.escaped;
  });

  form.addEventListener("submit", () => { leaving = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && text.value !== saved) event.preventDefault();
  });
})();
