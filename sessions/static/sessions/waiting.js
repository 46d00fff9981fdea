/* Text that waits on this device until the server has it: encrypted, what each window wrote by itself. note.js keeps it here;
   whatever page its author opens next sends it, one page at a time, and never while the window it is typed in is open. The
   server takes it or sets it beside the note; what it will not have is shown to its author, and is never dropped unsaid.
   What somebody else wrote is neither read nor sent: a page says at most that there is some.

   Stored in the open are an id, the person's and the note's address, and a time. The key comes from the server for whoever
   is signed in, stays in the memory of this page and cannot be read out of it. */
"use strict";

const waiting = (() => {
  const RETRY_MS = 5000;
  const able = "indexedDB" in window && "locks" in navigator && Boolean(window.crypto?.subtle);

  /* The store -------------------------------------------------------------------------------------------------------- */
  const opened = new Promise((resolve, reject) => {
    if (!able) { reject(new Error("no store")); return; }
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
  const entries = async () => (await store("readonly", (s) => s.getAll()).catch(() => [])).sort((a, b) => a.at - b.at);
  const drop = (id) => store("readwrite", (s) => s.delete(id)).catch(() => {});

  /* Keys ------------------------------------------------------------------------------------------------------------- */
  const AWAY = "away"; // no network, or no server
  const SIGN_IN = "sign-in"; // nobody is signed in by now, or somebody else
  const LEFT = "left"; // no key for who works in that clinic no more; with one again, it opens
  const SHUT = "shut"; // no key, or none that opens it
  const inMemory = new Map();
  // The keys; or why there are none now. `fresh`: as whoever is signed in this moment.
  const keysFor = async ({ keys: address, person }, fresh = false) => {
    if (!able) return SHUT;
    if (!fresh && inMemory.has(address)) return inMemory.get(address);
    let answer;
    try {
      answer = await fetch(address, { headers: { Accept: "application/json" }, redirect: "manual", cache: "no-store" });
    } catch {
      return AWAY;
    }
    if (answer.type === "opaqueredirect" || answer.status === 401) return SIGN_IN;
    if (answer.status === 403 || answer.status === 404) return LEFT;
    if (!answer.ok) return answer.status >= 500 || answer.status === 429 ? AWAY : SHUT;
    const given = await answer.json();
    if (given.person !== person) return SIGN_IN;
    for (const one of document.querySelectorAll("[name=csrfmiddlewaretoken]")) one.value = given.token; // another after each sign-in
    const keys = await Promise.all(given.keys.map((one) => crypto.subtle.importKey("raw", Uint8Array.from(atob(one), (c) => c.charCodeAt(0)), "AES-GCM", false, ["encrypt", "decrypt"])));
    inMemory.set(address, keys);
    return keys;
  };
  const about = ({ person, url }) => new TextEncoder().encode(`${person} ${url}`);

  // Whether it is kept.
  const put = async (entry, content) => {
    const keys = await keysFor(entry);
    if (!Array.isArray(keys)) return false;
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const plain = new TextEncoder().encode(JSON.stringify(content));
    const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: about(entry) }, keys[0], plain);
    navigator.storage?.persist?.().catch(() => {});
    return store("readwrite", (s) => s.put({ ...entry, at: Date.now(), iv, data })).then(() => true, () => false);
  };
  // What it says; or why that cannot be read now.
  const read = async (entry, fresh = false) => {
    const keys = await keysFor(entry, fresh);
    if (!Array.isArray(keys)) return keys;
    for (const key of keys) {
      try {
        return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt({ name: "AES-GCM", iv: entry.iv, additionalData: about(entry) }, key, entry.data)));
      } catch {
        continue; // made under another key of the house
      }
    }
    return SHUT;
  };

  // Held until the page is left, or given back: null when another window has it.
  const hold = (id) => new Promise((resolve) => {
    navigator.locks.request(`text ${id}`, { ifAvailable: true }, (lock) => {
      if (!lock) { resolve(null); return undefined; }
      return new Promise((release) => resolve(release));
    });
  });

  const bodyOf = (content) => {
    const body = new FormData();
    body.set("csrfmiddlewaretoken", document.querySelector("[name=csrfmiddlewaretoken]").value);
    body.set("version", content.base);
    body.set("public_id", content.save);
    if (content.settles) body.set("settles", content.settles);
    for (const [name, text] of Object.entries(content.texts)) body.set(name, text);
    for (const one of content.kept) body.append("kept", one);
    return body;
  };
  const post = (url, content) =>
    fetch(url, { method: "POST", body: bodyOf(content), redirect: "manual", headers: { Accept: "application/json" } });

  /* Sent from whatever page is open ---------------------------------------------------------------------------------- */
  const here = { able, entries, drop, keysFor, put, read, hold, post, before: Promise.resolve() };
  const panel = document.querySelector("[data-waiting-texts]");
  if (!able || !panel) return here;
  const words = panel.dataset;
  const lines = new Map();

  const unsay = (id) => press.after(() => {
    lines.get(id)?.remove();
    lines.delete(id);
    panel.hidden = !lines.size;
  });
  const say = (id, tone, text, ...acts) => press.after(() => {
    if (lines.get(id)?.dataset.said === text) return;
    lines.get(id)?.remove();
    const line = document.createElement("div");
    line.className = `callout ${tone && `callout-${tone}`}`;
    line.dataset.said = text;
    const said = document.createElement("p");
    said.textContent = text;
    line.append(said);
    if (acts.length) {
      const actions = document.createElement("div");
      actions.className = "actions";
      actions.append(...acts);
      line.append(actions);
    }
    lines.set(id, line);
    panel.append(line);
    panel.hidden = false;
    const live = document.getElementById("live");
    if (live) live.textContent = text;
  });
  const link = (text, href) => {
    const made = document.createElement("a");
    made.className = "button button-small button-secondary";
    made.textContent = text;
    made.href = href;
    return made;
  };
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button button-small button-secondary";
    made.textContent = text;
    made.addEventListener("click", act);
    return made;
  };
  const lang = document.documentElement.lang;
  const day = new Intl.DateTimeFormat(lang === "en" ? "en-GB" : lang, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const filled = (text, entry, called) => text.replace("@", day.format(entry.at)).replace("#", () => called);

  // What it is of, where the text cannot say.
  const calledByServer = async ({ url }) => {
    const answer = await fetch(url, { headers: { Accept: "application/json" }, redirect: "manual", cache: "no-store" }).catch(() => null);
    return answer?.ok ? (await answer.json().catch(() => ({}))).name || words.textANote : words.textANote;
  };
  const shown = (content) => {
    const texts = document.createElement("div");
    texts.className = "stack-s";
    for (const text of content.changed.map((name) => content.texts[name]).filter(Boolean)) {
      const one = document.createElement("p");
      one.className = "prewrap other-text";
      one.textContent = text;
      texts.append(one);
    }
    return texts;
  };
  const removing = (entry, sure) => button(words.textRemove, async () => {
    if (sure && !window.confirm(sure)) return;
    await drop(entry.id);
    unsay(entry.id);
  });

  // Whether it is worth trying again by itself.
  const send = async (entry) => {
    const content = await read(entry, true);
    if (content === AWAY) { say(entry.id, "warn", filled(words.textAway, entry)); return true; }
    if (content === SIGN_IN) { say(entry.id, "warn", filled(words.textSignIn, entry), link(words.textToSignIn, location.href)); return false; }
    if (content === LEFT) { say(entry.id, "bad", filled(words.textLeft, entry), removing(entry, words.textLeftSure)); return false; }
    if (content === SHUT) {
      say(entry.id, "bad", filled(words.textShut, entry, await calledByServer(entry)), link(words.textOpen, entry.url), removing(entry));
      return false;
    }
    let answer;
    try {
      answer = await post(entry.url, content);
    } catch {
      say(entry.id, "warn", filled(words.textAway, entry));
      return true;
    }
    const said = await answer.json().catch(() => ({}));
    const beside = answer.status === 409 && said.code === "conflict";
    if (answer.ok || beside) {
      await drop(entry.id);
      const text = !beside ? words.textSaved : said.finished ? words.textFinished : words.textBeside;
      say(entry.id, beside ? "warn" : "ok", filled(text, entry, content.called), link(beside ? words.textLook : words.textOpen, `${entry.url}#${said.finished ? "late" : beside ? "conflict" : "note-title"}`));
      return false;
    }
    if (answer.status >= 500 || answer.status === 429) { say(entry.id, "warn", filled(words.textAway, entry)); return true; }
    if (answer.type === "opaqueredirect" || answer.status === 401 || !said.code) {
      say(entry.id, "warn", filled(words.textSignIn, entry), link(words.textToSignIn, location.href));
      return false;
    }
    const look = button(words.textShow, () => look.closest(".callout").insertBefore(shown(content), look.parentElement) && look.remove());
    const why = answer.status === 403 || answer.status === 404 ? words.textNotYours : `${said.message || ""} ${said.advice || ""}`;
    say(entry.id, "bad", `${filled(words.textRefused, entry, content.called)} ${why}`.trim(), look, removing(entry, words.textRemoveSure));
    return false;
  };

  let busy = false;
  let again = null;
  const sendAll = async () => {
    if (busy) return;
    busy = true;
    clearTimeout(again);
    let later = false;
    try {
      await here.before;
      for (const { id, person } of await entries()) {
        if (person !== words.person) {
          if (words.textOthers) say("others", "", words.textOthers);
          continue;
        }
        const release = await hold(id);
        if (!release) { later = true; continue; } // the window it was typed in is open, or another page is at it
        try {
          const entry = (await entries()).find((one) => one.id === id);
          if (entry) later = (await send(entry)) || later;
          else unsay(id); // another page has sent it
        } finally {
          release();
        }
      }
    } finally {
      busy = false;
      if (later) again = setTimeout(sendAll, RETRY_MS);
    }
  };
  document.addEventListener("DOMContentLoaded", sendAll);
  window.addEventListener("online", sendAll);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") sendAll(); });
  return here;
})();
