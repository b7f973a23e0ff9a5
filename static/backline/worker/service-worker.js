/**
 * Opens pages without a connection: everything comes from the network, and the last copy is used when that fails.
 * Served at /service-worker.js, so that it covers all pages.
 */

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const PAGES = "pages-1";
const FILES = "files-1";
/** The most copies of each kind. @type {Record<string, number>} */
const MOST = { [PAGES]: 50, [FILES]: 500 };
const OFFLINE = "/offline";
/** What pages load. Media and the API's answers are never kept. */
const KINDS = new Set(["font", "image", "manifest", "script", "sharedworker", "style", "worker"]);
/** Answers of a proxy in front of a program that is not running. */
const AWAY = new Set([502, 503, 504]);

worker.addEventListener("install", (event) => {
  event.waitUntil(prepare());
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(dropOld());
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== location.origin) return;
  // Pages show who is logged in: they go when somebody logs out, ends a session, or logs in.
  const ends = pathname.startsWith("/api/auth/logout") || (request.method === "DELETE" && pathname.startsWith("/api/auth/sessions/"));
  if (ends || pathname.startsWith("/api/auth/discord/")) event.waitUntil(caches.delete(PAGES));
  if (request.method !== "GET" || pathname.startsWith("/api/") || pathname.startsWith("/admin/")) return;
  if (request.mode === "navigate") event.respondWith(page(event));
  else if (KINDS.has(request.destination)) event.respondWith(file(event));
});

async function prepare() {
  const cache = await caches.open(FILES);
  await cache.add(new Request(OFFLINE, { cache: "reload" }));
  await worker.skipWaiting();
}

async function dropOld() {
  for (const name of await caches.keys()) if (!(name in MOST)) await caches.delete(name);
  await worker.clients.claim();
}

/** @param {FetchEvent} event */
async function page(event) {
  try {
    const answer = await fetch(event.request);
    if (AWAY.has(answer.status)) return (await kept(PAGES, event.request)) ?? answer;
    if (answer.ok && answer.type === "basic" && !answer.redirected) keep(event, PAGES, answer);
    return answer;
  } catch (error) {
    const copy = (await kept(PAGES, event.request)) ?? (await caches.match(OFFLINE));
    if (copy) return copy;
    throw error;
  }
}

/** @param {FetchEvent} event */
async function file(event) {
  try {
    const answer = await fetch(event.request);
    if (answer.ok && answer.type === "basic") keep(event, FILES, answer);
    return AWAY.has(answer.status) ? (await kept(FILES, event.request)) ?? answer : answer;
  } catch (error) {
    const copy = await kept(FILES, event.request);
    if (copy) return copy;
    throw error;
  }
}

/** @param {string} name @param {Request} request */
async function kept(name, request) {
  return (await caches.open(name)).match(request);
}

/** @param {FetchEvent} event @param {string} name @param {Response} answer */
function keep(event, name, answer) {
  const copy = answer.clone();
  event.waitUntil(store(event.request, name, copy));
}

/** @param {Request} request @param {string} name @param {Response} copy */
async function store(request, name, copy) {
  try {
    const cache = await caches.open(name);
    await cache.delete(request); // so that the newest comes last
    await cache.put(request, copy);
    const keys = await cache.keys();
    for (const old of keys.slice(0, Math.max(0, keys.length - MOST[name]))) await cache.delete(old);
  } catch {
    // Storage is full or blocked: this page is not there without a connection.
  }
}
