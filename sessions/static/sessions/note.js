/* A note that saves itself: to the server after two seconds without a key, and when a field is left; and, while it is not
   there yet, encrypted on this device. Without this file the note is a plain form with a button.

   How it is kept there, and sent from another page when this one is gone, stands in waiting.js. It is removed once the server
   has the text. What two windows wrote is shown side by side, and neither is lost. */
"use strict";

(() => {
  const IDLE_MS = 2000;
  const LONGEST_MS = 15000; // of writing without a pause
  const KEEP_MS = 200;
  const RETRY_MS = 5000;

  for (const link of document.querySelectorAll("[data-copy]")) {
    link.addEventListener("click", async (event) => {
      if (!navigator.clipboard) return; // the plain text itself is shown instead
      event.preventDefault();
      const answer = await fetch(link.href).catch(() => null);
      if (!answer?.ok) { location.assign(link.href); return; }
      try {
        await navigator.clipboard.writeText(await answer.text());
      } catch {
        location.assign(link.href);
        return;
      }
      link.textContent = link.dataset.textDone;
      const live = document.getElementById("live");
      if (live) live.textContent = link.dataset.textDone;
    });
  }

  const form = document.querySelector("form[data-note]");
  if (!form) return;
  const words = form.dataset;
  const state = document.querySelector("[data-note-state]");
  const panel = form.querySelector("[data-note-conflict]");
  const fields = () => [...form.querySelectorAll("textarea")];
  const version = form.elements.namedItem("version");
  const tell = (text, tone) => press.after(() => { state.textContent = text; state.className = tone ? `small tag tag-${tone}` : "small muted"; });

  const read = () => ({
    texts: Object.fromEntries(fields().map((field) => [field.name, field.value])),
    kept: [...form.querySelectorAll("input[name=kept]:checked")].map((box) => box.value),
  });
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  // What came from the server, not what stands there by now: on a slow machine somebody types before this runs.
  let onServer = {
    texts: Object.fromEntries(fields().map((field) => [field.name, field.defaultValue])),
    kept: [...form.querySelectorAll("input[name=kept]")].filter((box) => box.defaultChecked).map((box) => box.value),
  };
  let settles = "";
  let apart = null; // what was sent and stands beside another text: nothing is sent until one is chosen
  let needsSignIn = false;

  /* On this device: what this window holds, apart from what another one does (waiting.js) ------------------------------- */
  const url = new URL(form.action).pathname;
  let id = crypto.randomUUID();
  let kept = false; // whether the device holds what is typed
  const safe = () => same(read(), onServer) || (apart !== null && same(read(), apart)); // whether the server has it
  let stamped = { of: "", save: "" };
  // What would be sent: with an id that stays while it says the same, so that sent again it is the same save.
  const content = (now) => {
    const of = JSON.stringify([version.value, settles, now]);
    if (stamped.of !== of) stamped = { of, save: crypto.randomUUID() };
    const changed = Object.keys(now.texts).filter((name) => now.texts[name] !== onServer.texts[name]);
    return { base: version.value, settles, save: stamped.save, called: words.called, changed, ...now };
  };
  const bringBack = async () => {
    await waiting.keysFor({ keys: words.keys, person: words.person }); // at hand when the network goes
    for (const entry of await waiting.entries()) {
      if (entry.person !== words.person || entry.url !== url) continue;
      const release = await waiting.hold(entry.id);
      if (!release) continue; // another window is at it
      const found = await waiting.read(entry);
      if (typeof found === "string" || !same(read(), onServer)) { release(); break; } // unreadable now; or somebody is typing already
      const typed = { texts: found.texts, kept: found.kept };
      if (same(typed, onServer)) { await waiting.drop(entry.id); release(); continue; }
      id = entry.id;
      version.value = found.base;
      settles = found.settles;
      stamped = { of: JSON.stringify([version.value, settles, typed]), save: found.save };
      put(typed.texts);
      for (const box of form.querySelectorAll("input[name=kept]")) box.checked = typed.kept.includes(box.value);
      edits();
      kept = true;
      tell(words.textBack, "info");
      save();
      return;
    }
    await waiting.hold(id);
  };
  let queue = Promise.resolve(); // one at a time: what is dropped must not come back
  const inTurn = (act) => (queue = queue.then(act, act));
  const keep = () => inTurn(async () => {
    kept = !safe() && (await waiting.put({ id, person: words.person, url, keys: words.keys }, content(read())).catch(() => false));
    if (safe()) await waiting.drop(id);
  });
  const put = (texts) => {
    for (const field of fields()) if (field.name in texts && field.value !== texts[field.name]) field.value = texts[field.name];
    grow();
  };
  const grow = () => {
    for (const field of fields()) {
      const lines = field.value.split("\n").reduce((sum, line) => sum + 1 + Math.floor(line.length / 90), 0);
      field.rows = Math.max(Number(field.defaultRows ??= field.rows), Math.min(lines + 1, 40));
    }
  };

  /* To the server ---------------------------------------------------------------------------------------------------- */
  let saving = null;
  const save = () => (saving = (saving || Promise.resolve()).then(send, send));
  const send = async () => {
    clearTimeout(idle);
    idle = longest = null;
    const sent = read();
    if (apart || (same(sent, onServer) && !settles)) return;
    const signIn = async () => {
      needsSignIn = true;
      await keep();
      tell(kept ? words.textSignin : words.textUnkept, "warn");
    };
    // Signed in again in another window?
    if (needsSignIn && (await waiting.keysFor({ keys: words.keys, person: words.person }, true)) === "sign-in") { await signIn(); return; }
    let answer;
    try {
      answer = await waiting.post(url, content(sent));
    } catch {
      await keep();
      tell(kept ? words.textOffline : words.textUnkept, "warn");
      return;
    }
    if (answer.type === "opaqueredirect" || answer.status === 401) { await signIn(); return; }
    const said = await answer.json().catch(() => ({}));
    if (answer.status === 403 && !said.code && !needsSignIn) { needsSignIn = true; await send(); return; }
    needsSignIn = false;
    if (answer.ok) {
      version.value = said.version;
      onServer = sent;
      settles = "";
      await keep();
      tell(words.textSaved.replace("#", said.saved), "");
      show(said.standing || []);
      if (!same(read(), onServer)) soon();
      return;
    }
    if (answer.status === 409 && said.finished) { await close(sent); return; }
    if (answer.status === 409 && said.code === "conflict") { apart = sent; await keep(); beside(said); return; }
    await keep();
    const gone = answer.status === 403 || answer.status === 404;
    tell(`${words.textRefused} ${gone ? words.textNotYours : said.message || answer.status}`, "bad");
  };
  const show = (standing) => press.after(() => {
    const box = form.querySelector("[data-note-standing]");
    const button = form.querySelector("[data-note-sign]");
    if (button) button.disabled = standing.length > 0;
    if (!box) return;
    box.hidden = !standing.length;
    const list = box.querySelector("ul");
    list.textContent = "";
    for (const one of standing) { const item = document.createElement("li"); item.textContent = one; list.append(item); }
  });

  /* Two texts -------------------------------------------------------------------------------------------------------- */
  const element = (name, css, text) => {
    const made = document.createElement(name);
    made.className = css;
    made.textContent = text;
    return made;
  };
  const ask = (...parts) => press.after(() => {
    panel.replaceChildren(...parts);
    panel.className = "callout callout-warn";
    panel.hidden = false;
    panel.tabIndex = -1;
    panel.focus();
  });
  // The note was finished on another device: the server has set this text beside it, and here nothing goes on.
  const close = async (sent) => {
    for (const field of form.elements) { if (field.type === "submit") field.disabled = true; else field.readOnly = true; }
    onServer = sent;
    if (!same(read(), onServer)) { save(); return; } // typed while that was under way
    apart = sent;
    await keep();
    tell(words.textFinished, "warn");
    const look = element("a", "button button-small button-secondary", words.textLook);
    look.href = `${url}#late`;
    ask(element("h3", "", words.textFinished), element("p", "", words.textFinishedKept), look);
  };
  const beside = (said) => {
    tell(words.textConflict, "warn");
    const parts = [element("h3", "", words.textOther)];
    const mine = read().texts;
    for (const block of said.blocks) {
      if (mine[`block.${block.code}`] === block.text) continue;
      parts.push(element("h4", "", block.title), element("div", "written other-text", block.text || "–"));
    }
    const chosen = (act) => async () => {
      apart = null;
      panel.hidden = true;
      version.value = said.version;
      settles = said.refused || "";
      onServer = { ...onServer, texts: Object.fromEntries(said.blocks.map((block) => [`block.${block.code}`, block.text])) };
      act();
      await save();
      (fields()[0] || form).focus();
    };
    const actions = element("div", "actions", "");
    const keepMine = element("button", "button button-small button-secondary", words.textMine);
    const useTheirs = element("button", "button button-small button-secondary", words.textTheirs);
    keepMine.type = useTheirs.type = "button";
    keepMine.addEventListener("click", chosen(() => {}));
    useTheirs.addEventListener("click", chosen(() => put(onServer.texts)));
    actions.append(keepMine, useTheirs);
    ask(...parts, actions);
  };

  /* When ------------------------------------------------------------------------------------------------------------- */
  let idle = null;
  let longest = null;
  let keepSoon = null;
  const soon = () => {
    clearTimeout(idle);
    idle = setTimeout(save, IDLE_MS);
    longest ??= Date.now();
    if (Date.now() - longest > LONGEST_MS) { longest = null; save(); }
  };
  form.addEventListener("input", () => {
    clearTimeout(keepSoon);
    keepSoon = setTimeout(keep, KEEP_MS);
    grow();
    soon();
  });
  // Edited, a copied block needs nobody to say that it still stands.
  const edits = () => {
    for (const choice of form.querySelectorAll("[data-copied]")) {
      const field = choice.closest(".block").querySelector("textarea");
      choice.hidden = field.value.trim() !== choice.dataset.copied.replaceAll("\r\n", "\n").trim();
    }
  };
  form.addEventListener("input", edits);
  form.addEventListener("change", (event) => { if (event.target.name === "kept") save(); });
  form.addEventListener("focusout", (event) => { if (event.target.matches("textarea")) save(); });
  document.addEventListener("visibilitychange", () => { save(); });
  window.addEventListener("online", () => { save(); });
  setInterval(() => { if (!needsSignIn && !idle && !same(read(), onServer)) save(); }, RETRY_MS);
  window.addEventListener("beforeunload", (event) => { if (!kept && !safe()) event.preventDefault(); });

  // Whatever is pressed, what was typed is saved first; and nothing is pressed while it cannot be.
  const savedFirst = async (event, from) => {
    if (same(read(), onServer) || from.dataset.sure) return;
    event.preventDefault();
    const pressed = event.submitter;
    await save();
    if (same(read(), onServer)) {
      from.requestSubmit(pressed);
    } else if (from !== form && window.confirm(kept ? words.textOffline : words.textUnkept)) {
      from.dataset.sure = "1";
      from.requestSubmit();
    }
  };
  document.addEventListener("submit", (event) => {
    if (event.target === form) savedFirst(event, form);
    else if (event.target.matches("[data-sign-out]")) savedFirst(event, event.target);
  });

  grow();
  if (!same(read(), onServer)) soon();
  waiting.before = queue = bringBack().catch(() => {});
})();
