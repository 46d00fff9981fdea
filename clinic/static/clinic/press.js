/* Nothing moves under a finger. What a page changes by itself (an answer that came, the board's next look) would move a
   button between the pressing and the letting go, and the press would be on nothing, or on something else. It waits
   until the press is over; what is asked for by htmx is asked for again then (`press-over` among its triggers). */
"use strict";

const press = (() => {
  const LONGEST_MS = 2000; // a hand that rests on a tablet must not hold the board back
  const CLICK_MS = 400; // a touch becomes a click some time after the finger is lifted
  let down = false;
  let ending = null;
  const putOff = [];

  const end = () => {
    down = false;
    for (const act of putOff.splice(0)) act();
  };
  const endIn = (ms) => {
    if (!down) return;
    clearTimeout(ending);
    ending = setTimeout(end, ms);
  };
  addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    down = true;
    endIn(LONGEST_MS);
  }, true);
  addEventListener("pointerup", () => endIn(CLICK_MS), true);
  addEventListener("click", () => endIn(0), true);
  addEventListener("pointercancel", () => endIn(0), true);

  // At once, or as soon as nothing is pressed.
  const after = (act) => { if (down) putOff.push(act); else act(); };

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!down) return;
    event.detail.shouldSwap = false;
    putOff.push(() => htmx.trigger(event.detail.requestConfig.elt, "press-over"));
  });
  return { after, over: () => new Promise(after) };
})();
