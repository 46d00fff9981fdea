/* While somebody writes a message: how it will read, and how long it is as the network counts it. The server counts
   again when it is saved; without this script the page shows the count of what was saved last. */
"use strict";
(function () {
  var BASIC = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
  var EXTENDED = "\f^{}\\[~]|€";
  var STRAIGHT = { "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-" };
  var area = document.querySelector("[data-wording]");
  var count = document.querySelector("[data-wording-count]");
  var preview = document.querySelector("[data-wording-preview]");
  if (!area) return;

  function known(letter) {
    return BASIC.includes(letter) || EXTENDED.includes(letter);
  }

  function forTexting(words) {
    return Array.from(words, function (letter) {
      letter = STRAIGHT[letter] || letter;
      // The first letter, not the first half of one: an emoji is two.
      return known(letter) ? letter : Array.from(letter.normalize("NFKD"))[0];
    }).join("");
  }

  function show() {
    var words = area.value.replace(/\{([^{}]*)\}/g, function (_place, name) {
      return area.dataset[name] || "";
    });
    if (!count) {
      preview.textContent = words;
      return;
    }
    words = forTexting(words);
    preview.textContent = words;
    var letters = Array.from(words);
    var foreign = letters.filter(function (letter) { return !known(letter); });
    var units = foreign.length ? words.length
      : letters.reduce(function (sum, letter) { return sum + (EXTENDED.includes(letter) ? 2 : 1); }, 0);
    var most = Number(count.dataset.most);
    var said = foreign.length ? count.dataset.foreign + " " + foreign.join(" ")
      : units > most ? count.dataset.long : count.dataset.fits;
    count.textContent = units + " / " + most + ", " + said;
  }

  area.addEventListener("input", show);
  show();
})();
