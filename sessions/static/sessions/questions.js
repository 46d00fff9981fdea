/* A form of many questions, one at a time. Without this file it is one page with one button.
   Each answer is sent as it is given; what could not be sent waits on the device, each answer by itself, so that two tabs
   lose nothing of each other and a closed one loses nothing at all. It goes when the link is next opened, and after a day it is
   forgotten: no name and no question stands there, a code and a number. After an answer that calls for support, support comes next, with or without a network;
   that somebody will call is said once the answer has arrived, and that it has not, as long as it has not. */
"use strict";

const WAITS_FOR = 24 * 60 * 60 * 1000;

/* What waits to be sent from this link: item → answer. A store that is full or forbidden loses nothing that is on the page. */
class Waiting {
  constructor(path) {
    this.prefix = `answers:${path}:`;
    this.here = {};
    this.tried(() => {
      for (const key of Object.keys(localStorage)) {
        if (!key.startsWith("answers:")) continue;
        const { value, at } = JSON.parse(localStorage.getItem(key));
        if (Date.now() - at > WAITS_FOR) localStorage.removeItem(key);
        else if (key.startsWith(this.prefix)) this.here[key.slice(this.prefix.length)] = value;
      }
    });
  }
  tried(act) { try { act(); } catch { /* see above */ } }
  put(item, value) {
    this.here[item] = value;
    this.tried(() => localStorage.setItem(this.prefix + item, JSON.stringify({ value, at: Date.now() })));
  }
  drop(item) {
    delete this.here[item];
    this.tried(() => localStorage.removeItem(this.prefix + item));
  }
  clear() { for (const item of Object.keys(this.here)) this.drop(item); }
}

document.addEventListener("DOMContentLoaded", () => {
  if (document.querySelector("[data-answers-taken]")) new Waiting(location.pathname).clear();
  const form = document.querySelector("[data-questions]");
  if (!form) return;
  const questions = [...form.querySelectorAll("[data-question]")];
  const code = (question) => question.dataset.question;
  const chosen = (question) => question.querySelector("input:checked");
  const byCode = Object.fromEntries(questions.map((question) => [code(question), question]));
  const part = (name) => form.querySelector(`[data-${name}]`);
  const status = part("status"), support = part("support-panel"), progress = part("progress-line");
  const say = (text) => press.after(() => { status.textContent = text || ""; });
  const waiting = new Waiting(form.dataset.link);
  let at = null, prompted = false, flushing = null, sending = null;

  const within = (number, one) => (one.least === null || number >= one.least) && (one.most === null || number <= one.most);
  const value = (item) => (byCode[item] && chosen(byCode[item]) ? Number(chosen(byCode[item]).value) : null);
  const holds = (one) => {
    if (one.item) return value(one.item) !== null && within(value(one.item), one);
    return within(one.items.filter((item) => value(item) !== null && value(item) >= (one.but[item] ?? one.answered)).length, one);
  };
  const asked = () => questions.filter((question) => JSON.parse(question.dataset.askedIf).every(holds));

  const send = async () => {
    for (const item of Object.keys(waiting.here)) {
      const body = new FormData();
      body.set("item", item);
      body.set("value", waiting.here[item]);
      body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
      const sent = waiting.here[item];
      let answer;
      try {
        answer = await fetch(form.dataset.questions, { method: "POST", body, credentials: "same-origin" });
      } catch {
        say(form.dataset.offline);
        return false;
      }
      // Our fault, or this page is too old to be believed: it goes when the link is opened anew.
      if (answer.status >= 500 || answer.status === 403 || answer.status === 429) { say(form.dataset.offline); return false; }
      // It is not known any more that it is the patient: what was given waits in the tab, and the step comes next. Or the link is
      // over: the page says so, and whom to call.
      if (answer.status === 401 || answer.status === 410) { location.reload(); return false; }
      if (waiting.here[item] === sent) waiting.drop(item);
      say(answer.ok ? form.dataset.kept : "");
    }
    return true;
  };
  // One at a time, in order: a later answer to the same question must not be overtaken by an earlier one.
  const flush = () => (flushing = (flushing || Promise.resolve()).then(send).then((gone) => {
    arrived(gone);
    return gone;
  }));
  const arrived = (gone) => press.after(() => {
    part("support-arrived").hidden = !gone;
    part("support-waits").hidden = gone;
  });

  const show = (question) => {
    at = question;
    prompted = false;
    for (const one of questions) one.hidden = one !== question;
    support.hidden = true;
    const row = asked(), here = row.indexOf(question);
    progress.textContent = form.dataset.progress.replace("{n}", here + 1).replace("{all}", row.length);
    part("send").hidden = here !== row.length - 1;
    part("continue").parentElement.hidden = here === row.length - 1;
    part("back").parentElement.hidden = here === 0;
    const intro = document.querySelector("[data-intro]");
    if (intro) intro.hidden = here !== 0;
  };
  const move = (question) => { show(question); question.focus(); };
  const supportFirst = () => {
    for (const one of questions) one.hidden = true;
    support.hidden = false;
    support.focus();
    const row = asked(), last = row.indexOf(at) === row.length - 1;
    part("send").hidden = !last;
    part("continue").parentElement.hidden = last;
  };

  form.addEventListener("change", (event) => {
    const question = event.target.closest("[data-question]");
    if (!question) return;
    waiting.put(code(question), event.target.value);
    if ("support" in event.target.dataset) part("support-arrived").hidden = part("support-waits").hidden = true;
    flush();
    if (at) show(at);
    if (at && "support" in event.target.dataset) supportFirst();
  });
  part("continue").addEventListener("click", () => {
    if (support.hidden && !chosen(at) && !prompted) { prompted = true; say(form.dataset.skip); return; }
    if (!chosen(at)) { waiting.put(code(at), ""); flush(); }
    const row = asked();
    say("");
    move(row[row.indexOf(at) + 1] || at);
  });
  part("back").addEventListener("click", () => {
    if (!support.hidden) { move(at); return; }
    const row = asked();
    move(row[Math.max(0, row.indexOf(at) - 1)]);
  });
  part("all").addEventListener("click", () => {
    at = null;
    for (const one of questions) one.hidden = false;
    for (const one of form.querySelectorAll("[data-steps]")) one.hidden = true;
    progress.hidden = true;
    support.hidden = true;
    part("send").hidden = false;
    questions[0].focus();
  });
  form.addEventListener("submit", (event) => {
    // What waits is forgotten when the page that follows says that the answers were taken, and not before.
    if (navigator.onLine) return;
    event.preventDefault();
    sending = event.submitter || form.querySelector("[data-send] button");
    say(form.dataset.offline);
  });
  addEventListener("online", async () => {
    // Whoever had pressed Send, or asked to be called, need not press it again.
    if (await flush() && sending) form.requestSubmit(sending);
  });

  for (const [item, given] of Object.entries(waiting.here)) {
    const input = byCode[item] && byCode[item].querySelector(`input[value="${CSS.escape(given)}"]`);
    if (input) input.checked = true;
  }
  if (Object.keys(waiting.here).length) flush();
  for (const one of form.querySelectorAll("[data-steps]")) one.hidden = false;
  progress.hidden = false;
  show(asked().find((question) => !chosen(question)) || asked()[0]);
});
