/* A note that saves itself: to the server after two seconds without a key, and when a field is left; and, while it is not
   there yet, encrypted on this device. Without this file the note is a plain form with a button.

   The key comes from the server for whoever is signed in, stays in this page's memory and cannot be read out of it; the
   device stores the encrypted text alone. It is removed once the server has the text. What two windows wrote is shown side
   by side, and neither is lost. */
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
  const id = `${words.person}:${words.note}`;
  const state = document.querySelector("[data-note-state]");
  const panel = form.querySelector("[data-note-conflict]");
  const fields = () => [...form.querySelectorAll("textarea")];
  const version = form.elements.namedItem("version");
  const tell = (text, tone) => { state.textContent = text; state.className = tone ? `small tag tag-${tone}` : "small muted"; };

  const read = () => ({
    texts: Object.fromEntries(fields().map((field) => [field.name, field.value])),
    kept: [...form.querySelectorAll("input[name=kept]:checked")].map((box) => box.value),
  });
  const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
  let onServer = read();
  let settles = "";
  let apart = false; // two texts stand beside each other: nothing is sent until one is chosen
  let needsSignIn = false;

  /* On this device --------------------------------------------------------------------------------------------------- */
  const opened = new Promise((resolve, reject) => {
    if (!("indexedDB" in window)) { reject(new Error("no store")); return; }
    const request = indexedDB.open("texts", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("waiting", { keyPath: "id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  opened.catch(() => {});
  const store = async (mode, act) => {
    const db = await opened;
    return new Promise((resolve, reject) => {
      const transaction = db.transaction("waiting", mode, { durability: "strict" });
      const request = act(transaction.objectStore("waiting"));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  };
  let keys = [];
  const fetchKeys = async () => {
    if (keys.length || !window.crypto?.subtle) return;
    const answer = await fetch(words.keys, { headers: { Accept: "application/json" }, redirect: "manual", cache: "no-store" }).catch(() => null);
    if (!answer?.ok) return;
    const given = (await answer.json()).keys;
    keys = await Promise.all(given.map((one) => crypto.subtle.importKey("raw", Uint8Array.from(atob(one), (c) => c.charCodeAt(0)), "AES-GCM", false, ["encrypt", "decrypt"])));
  };
  const about = new TextEncoder().encode(id);
  let kept = false; // whether the device holds what is typed
  let queue = Promise.resolve(); // one at a time: what is dropped must not come back
  const inTurn = (act) => (queue = queue.then(act, act));
  const keep = () => inTurn(async () => {
    const now = read();
    if (same(now, onServer)) { await store("readwrite", (s) => s.delete(id)).catch(() => {}); kept = false; return; }
    await fetchKeys();
    if (!keys.length) { kept = false; return; }
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const plain = new TextEncoder().encode(JSON.stringify({ base: version.value, ...now }));
    const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: about }, keys[0], plain);
    try {
      await store("readwrite", (s) => s.put({ id, iv, data }));
      kept = true;
    } catch {
      kept = false;
    }
  });
  const drop = () => inTurn(async () => {
    if (!same(read(), onServer)) return;
    await store("readwrite", (s) => s.delete(id)).catch(() => {});
    kept = false;
  });
  const bringBack = async () => {
    const entry = await store("readonly", (s) => s.get(id)).catch(() => null);
    if (!entry) return;
    await fetchKeys();
    for (const key of keys) {
      let plain;
      try {
        plain = JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv: entry.iv, additionalData: about }, key, entry.data)));
      } catch {
        continue; // made under another key of the house
      }
      const { base, ...typed } = plain;
      if (same(typed, onServer)) { drop(); return; }
      if (!same(read(), onServer)) return; // somebody is typing already
      version.value = base;
      put(typed.texts);
      for (const box of form.querySelectorAll("input[name=kept]")) box.checked = typed.kept.includes(box.value);
      kept = true;
      tell(words.textBack, "info");
      await save();
      return;
    }
  };
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
    const body = new FormData();
    body.set("csrfmiddlewaretoken", form.elements.namedItem("csrfmiddlewaretoken").value);
    body.set("version", version.value);
    if (settles) body.set("settles", settles);
    for (const [name, text] of Object.entries(sent.texts)) body.set(name, text);
    for (const one of sent.kept) body.append("kept", one);
    let answer;
    try {
      answer = await fetch(form.action, { method: "POST", body, redirect: "manual", headers: { Accept: "application/json" } });
    } catch {
      await keep();
      tell(kept ? words.textOffline : words.textUnkept, "warn");
      return;
    }
    if (answer.type === "opaqueredirect" || answer.status === 401) {
      needsSignIn = true;
      await keep();
      tell(kept ? words.textSignin : words.textUnkept, "warn");
      return;
    }
    needsSignIn = false;
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) {
      version.value = said.version;
      onServer = sent;
      settles = "";
      await drop();
      tell(words.textSaved.replace("#", said.saved), "");
      show(said.standing || []);
      if (!same(read(), onServer)) soon();
      return;
    }
    if (answer.status === 409 && said.code === "conflict") { await keep(); beside(said); return; }
    await keep();
    tell(`${words.textRefused} ${said.message || answer.status}`, "bad");
  };
  const show = (standing) => {
    const box = form.querySelector("[data-note-standing]");
    const button = form.querySelector("[data-note-sign]");
    if (button) button.disabled = standing.length > 0;
    if (!box) return;
    box.hidden = !standing.length;
    const list = box.querySelector("ul");
    list.textContent = "";
    for (const one of standing) { const item = document.createElement("li"); item.textContent = one; list.append(item); }
  };

  /* Two texts -------------------------------------------------------------------------------------------------------- */
  const element = (name, css, text) => {
    const made = document.createElement(name);
    made.className = css;
    made.textContent = text;
    return made;
  };
  const beside = (said) => {
    apart = true;
    tell(words.textConflict, "warn");
    panel.hidden = false;
    panel.className = "callout callout-warn";
    panel.textContent = "";
    panel.append(element("h3", "", words.textOther));
    const mine = read().texts;
    for (const block of said.blocks) {
      if (mine[`block.${block.code}`] === block.text) continue;
      panel.append(element("h4", "", block.title), element("div", "written other-text", block.text || "–"));
    }
    const chosen = (act) => async () => {
      apart = false;
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
    panel.append(actions);
    panel.tabIndex = -1;
    panel.focus();
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
  form.addEventListener("change", (event) => { if (event.target.name === "kept") save(); });
  form.addEventListener("focusout", (event) => { if (event.target.matches("textarea")) save(); });
  document.addEventListener("visibilitychange", () => { save(); });
  window.addEventListener("online", () => { save(); });
  setInterval(() => { if (!needsSignIn && !idle && !same(read(), onServer)) save(); }, RETRY_MS);
  window.addEventListener("beforeunload", (event) => { if (!kept && !same(read(), onServer)) event.preventDefault(); });

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
  fetchKeys().then(bringBack, () => {});
})();
