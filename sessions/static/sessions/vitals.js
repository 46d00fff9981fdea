/* Vital signs and moments, kept on the device before anything is sent, and doses while there is no network. The forms work
   as plain POSTs without this file.

   An entry is written to IndexedDB first, shown as waiting, and only then sent, with an id made here: whatever is lost on
   the way, the server's unique key makes it one row. It leaves the device only when the server said it has it. The queue
   holds ids, numbers and times; no name of a patient, no substance. The CSRF token is read when sending, never stored. */
"use strict";

(() => {
  const form = document.querySelector("form[data-vitals]");
  if (!form || !("indexedDB" in window) || !window.crypto?.randomUUID) return;

  const STORE = "waiting";
  const RETRY_MS = 5000;
  const STALE_MS = 10 * 60 * 1000;
  const sync = document.querySelector("[data-sync]");
  const list = form.querySelector("[data-queue]");
  const problem = form.querySelector("[data-problem]");
  const live = document.getElementById("live");
  const field = (name) => form.elements.namedItem(name);
  const say = (text) => { if (live && live.textContent !== text) live.textContent = text; };

  /* The store ----------------------------------------------------------------------------------------------------- */
  const opened = new Promise((resolve, reject) => {
    const request = indexedDB.open("vitals", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "public_id" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const store = async (mode, act) => {
    const db = await opened;
    return new Promise((resolve, reject) => {
      const transaction = db.transaction(STORE, mode, { durability: "strict" });
      const request = act(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  };
  const waiting = async () => (await store("readonly", (s) => s.getAll())).sort((a, b) => a.made - b.made);
  const keep = (entry) => store("readwrite", (s) => s.put(entry));
  const drop = (id) => store("readwrite", (s) => s.delete(id));

  /* What is typed -------------------------------------------------------------------------------------------------- */
  const together = /^\s*(\d{2,3})\s*[\/ ]\s*(\d{2,3})(?:\s*[ ,;]\s*(\d{2,3}))?\s*$/;
  const spread = () => {
    const found = together.exec(field("systolic").value);
    if (!found) return;
    field("systolic").value = found[1];
    field("diastolic").value = found[2];
    if (found[3]) field("pulse").value = found[3];
  };
  const refuse = (text, name) => {
    problem.hidden = false;
    problem.textContent = "";
    const link = document.createElement("a");
    link.href = `#${field(name).id}`;
    link.textContent = text;
    problem.append(link);
    field(name).setAttribute("aria-invalid", "true");
    problem.focus();
  };
  // Impossible is refused here as the server would; unusual is the server's to ask about, so that a true reading is never blocked.
  const wrong = () => {
    const number = (name) => (field(name).value.trim() === "" ? null : Number(field(name).value));
    const bounds = { systolic: [30, 350], diastolic: [10, 250], pulse: [10, 350] };
    for (const [name, [low, high]] of Object.entries(bounds)) {
      const value = number(name);
      if (value !== null && !(Number.isInteger(value) && value >= low && value <= high)) return [`${field(name).value}: ${low}–${high}`, name];
    }
    const high = number("systolic");
    const low = number("diastolic");
    if (high !== null && low !== null && high <= low) return [`${high}/${low}: ${form.dataset.textOrder || "the first must be the higher"}`, "systolic"];
    if (high === null && low === null && number("pulse") === null && !field("temperature")?.value && !field("distress")?.value) return [form.dataset.textEmpty || "Nothing typed", "systolic"];
    return null;
  };

  /* Showing -------------------------------------------------------------------------------------------------------- */
  const filled = (text, count, who) => (text || "").replace("#", count).replace("@", who || "");
  // The form an entry came from: a board has two for doses, told apart by their part.
  const formOf = ({ url, body }) =>
    [...document.forms].find((one) => one.action === url && (one.elements.namedItem("part")?.value ?? "") === (body.part ?? "")) || form;
  const putBack = async (entry) => {
    const there = formOf(entry);
    for (const [name, value] of Object.entries(entry.body)) {
      const one = there.elements.namedItem(name);
      if (one && one.type !== "hidden") one.value = value ?? "";
    }
    await drop(entry.public_id);
    const around = there.closest("details");
    if (around) around.open = true;
    there.querySelector("input:not([type=hidden]), button").focus();
  };
  const show = async (sent) => {
    await press.over();
    const entries = await waiting();
    const mine = entries.filter((entry) => entry.person === form.dataset.person);
    const others = entries.filter((entry) => entry.person !== form.dataset.person);
    list.textContent = "";
    for (const entry of mine.filter((one) => one.held === form.dataset.held)) {
      const item = document.createElement("li");
      const what = document.createElement("span");
      what.className = "what strong num";
      what.textContent = entry.label;
      const state = document.createElement("span");
      state.className = entry.problem ? "tag tag-bad" : "tag tag-warn";
      state.textContent = entry.problem ? `! ${entry.problem}` : `◔ ${sync.dataset.waiting || "waiting"}`;
      item.append(what, state);
      if (entry.problem) {
        const again = document.createElement("button");
        again.type = "button";
        again.className = "button button-quiet button-small";
        again.textContent = sync.dataset.again || "Put back in the form";
        again.addEventListener("click", async () => {
          await putBack(entry);
          await show();
        });
        item.append(again);
      }
      list.append(item);
    }
    let text = "";
    if (others.length) text = filled(sync.dataset.other, others.length, others[0].person_name);
    else if (needsSignIn && mine.length) text = filled(sync.dataset.signIn, mine.length);
    else if (mine.some((entry) => entry.problem)) text = filled(sync.dataset.attention, mine.filter((entry) => entry.problem).length);
    else if (mine.length === 1) text = sync.dataset.waitingOne;
    else if (mine.length) text = filled(sync.dataset.waitingMany, mine.length);
    else if (sent) text = sync.dataset.sent;
    if (text || !entries.length) {
      sync.textContent = text;
      sync.className = "sync tag" + (mine.length && Date.now() - mine[0].made > STALE_MS ? " tag-bad" : entries.length ? " tag-warn" : text ? " tag-ok" : "");
      if (!text) sync.className = "sync";
    }
    if (text) say(text);
  };

  /* Sending -------------------------------------------------------------------------------------------------------- */
  let needsSignIn = false;
  let busy = false;
  const drain = async () => {
    if (busy) return;
    busy = true;
    let sent = false;
    let whole = false;
    try {
      for (const entry of await waiting()) {
        // Only ever in the name of whoever recorded it.
        if (entry.person !== form.dataset.person || entry.problem) continue;
        const body = new FormData();
        for (const [name, value] of Object.entries(entry.body)) body.set(name, value);
        body.set("csrfmiddlewaretoken", field("csrfmiddlewaretoken").value);
        let answer;
        try {
          answer = await fetch(entry.url, { method: "POST", body, redirect: "manual", headers: { Accept: "application/json", "Idempotency-Key": entry.public_id, "X-CSRFToken": field("csrfmiddlewaretoken").value } });
        } catch {
          break; // no network: keep everything, stop for now
        }
        if (answer.type === "opaqueredirect" || answer.status === 401) { needsSignIn = true; break; }
        if (answer.ok) {
          needsSignIn = false;
          await drop(entry.public_id);
          sent = true;
          whole = whole || entry.whole;
          continue;
        }
        if (answer.status >= 500 || answer.status === 429) break;
        const said = await answer.json().catch(() => ({}));
        if (answer.status === 422 && said.code === "confirm-needed") { await ask(entry, said); break; }
        entry.problem = said.message || said.detail || String(answer.status);
        await keep(entry);
      }
    } finally {
      busy = false;
    }
    await show(sent);
    if (whole && !list.children.length) location.reload(); // what the page offers has changed with it
    else if (sent) document.body.dispatchEvent(new CustomEvent("vitals-saved"));
  };
  // Beyond a limit or unusual: one explicit confirmation, on the page, then it is a fact.
  const ask = (entry, said) => new Promise((resolve) => press.after(() => {
    problem.hidden = false;
    problem.textContent = "";
    const text = document.createElement("p");
    text.className = "strong";
    text.textContent = `${said.message || ""} ${said.advice || ""}`;
    const actions = document.createElement("div");
    actions.className = "actions";
    const button = (label, css, act) => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = `button button-small ${css}`;
      made.textContent = label;
      made.addEventListener("click", async () => { problem.hidden = true; await act(); resolve(); });
      actions.append(made);
    };
    button(sync.dataset.keep || "Keep it: this is what was measured", "", async () => {
      entry.body.confirm = (said.confirm || said.data?.confirm || []).join(",");
      entry.problem = "";
      await keep(entry);
      setTimeout(drain, 0);
    });
    button(sync.dataset.change || "Change it", "button-secondary", async () => {
      await putBack(entry);
    });
    problem.append(text, actions);
    problem.focus();
  }));

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    spread();
    for (const input of form.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    problem.hidden = true;
    const bad = wrong();
    if (bad) { refuse(...bad); return; }
    const reading = ["systolic", "diastolic", "pulse"].map((name) => field(name).value || "–");
    const kept = put(form, `${reading[0]}/${reading[1]} ${reading[2]}`);
    // Emptied at once, not when the device has stored it: the next reading may be half typed by then.
    const typed = ["systolic", "diastolic", "pulse", "temperature", "distress", "occurred_at"].map(field).filter(Boolean).map((input) => [input, input.value]);
    for (const [input] of typed) input.value = "";
    field("systolic").focus();
    try {
      await kept;
    } catch {
      // The device stores nothing (full, or forbidden): the plain form sends it.
      for (const [input, value] of typed) input.value = value;
      form.submit();
      return;
    }
    await show();
    await drain();
  });
  const put = (from, label, whole) => {
    const body = {};
    for (const [name, value] of new FormData(from)) if (name !== "csrfmiddlewaretoken" && typeof value === "string") body[name] = value;
    body.public_id = crypto.randomUUID();
    body.device_time = new Date(Date.now() - ahead).toISOString();
    return keep({ public_id: body.public_id, held: form.dataset.held, person: form.dataset.person, person_name: form.dataset.personName, url: from.action, made: Date.now(), label, whole, body });
  };
  // The board's other forms: a moment always, a dose only while its page could not be shown anyway.
  for (const other of document.querySelectorAll("form[data-queued]")) {
    other.addEventListener("submit", async (event) => {
      const away = !navigator.onLine || document.documentElement.dataset.keptAt;
      if (other.dataset.queued === "away" && !away) return;
      event.preventDefault();
      if (!other.reportValidity()) return;
      const time = new Date(Date.now() - ahead).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      const amount = other.elements.namedItem("amount")?.value ?? "";
      await put(other, `${other.dataset.label} ${amount} ${time}`, other.dataset.queued === "away");
      await show();
      await drain();
    });
  }

  // Signing out with entries waiting would leave them behind: say so, and let the person choose.
  document.addEventListener("submit", async (event) => {
    if (!event.target.matches("[data-sign-out]") || event.target.dataset.sure) return;
    event.preventDefault();
    const entries = await waiting();
    if (!entries.length || window.confirm(filled(sync.dataset.waitingMany, entries.length))) {
      event.target.dataset.sure = "1";
      event.target.requestSubmit();
    }
  });
  window.addEventListener("beforeunload", (event) => { if (list.children.length) event.preventDefault(); });

  const clock = document.querySelector("[data-server-now]");
  const came = Number(document.documentElement.dataset.keptAt) || Date.now();
  const ahead = clock ? came - Date.parse(clock.dataset.serverNow) : 0;
  navigator.storage?.persist?.().catch(() => {});
  window.addEventListener("online", drain);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") drain(); });
  setInterval(async () => { if ((await waiting()).length) drain(); }, RETRY_MS);
  show();
  drain();
})();
