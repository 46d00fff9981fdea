/* Keeps the board of a session under way on the device, so that it opens without a network: that page, and the files it is
   made of. Nothing else is kept, and nothing of anybody but whoever is signed in: the page says who that is, another
   person's pages go first, and signing out (form.js) or half a day takes the rest. What was recorded is not here: it waits
   in vitals.js until the server has it. */
"use strict";

const NAME = "board-";
const KEPT_FOR_MS = 12 * 60 * 60 * 1000; // as long as somebody stays signed in
const SLOW_MS = 6000; // a network that is there and does not answer
const KEPT_AT = "X-Kept-At";

const forget = async (all) => {
  for (const name of await caches.keys()) if (name.startsWith(NAME) && all(name)) await caches.delete(name);
};

const keep = async ({ page, person, shell }) => {
  const name = NAME + person;
  await forget((other) => other !== name);
  const cache = await caches.open(name);
  const answer = await fetch(page, { redirect: "error" });
  const text = await answer.text();
  // Somebody else may have signed in, or this person out, since the page asked.
  if (!answer.ok || !text.includes(`data-person="${person}"`) || !(await caches.has(name))) return;
  const headers = new Headers(answer.headers);
  for (const one of ["Content-Encoding", "Content-Length"]) headers.delete(one);
  headers.set(KEPT_AT, Date.now());
  await cache.addAll(shell);
  await cache.put(page, new Response(text, { headers }));
};

const drop = async ({ drop }) => {
  for (const name of await caches.keys()) if (name.startsWith(NAME)) await (await caches.open(name)).delete(drop);
};

// A kept page says when it was kept: its clock and its warning hang on that.
const kept = async (request) => {
  const found = await caches.match(request, { ignoreVary: true });
  if (!found || request.mode !== "navigate") return found;
  const at = Number(found.headers.get(KEPT_AT));
  if (Date.now() - at > KEPT_FOR_MS) {
    await forget(() => true);
    return undefined;
  }
  return new Response((await found.text()).replace("<html", `<html data-kept-at="${at}"`), { headers: found.headers });
};

const answer = async (request) => {
  const network = fetch(request);
  if (request.mode !== "navigate") return network.catch(async () => (await kept(request)) || Response.error());
  const page = await kept(request);
  if (!page) return network;
  return Promise.race([network.catch(() => page), new Promise((resolve) => setTimeout(resolve, SLOW_MS, page))]);
};

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  event.waitUntil((event.data.drop ? drop(event.data) : keep(event.data)).catch(() => {}));
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method === "GET" && new URL(request.url).origin === self.location.origin) event.respondWith(answer(request));
});
