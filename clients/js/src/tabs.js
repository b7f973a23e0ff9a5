import { newId } from "./ids.js";

/**
 * How the tabs of one browser find the host that holds their connection.
 *
 * A SharedWorker where there is one; else the tab that gets a Web Lock, reached over a BroadcastChannel, and
 * when it is closed the next; else (Node, or a page that is no secure context) each tab by itself. Whether a
 * tab is still there is told by a lock that it holds: neither ports nor channels say when their other end is gone.
 *
 * @import { Line } from "./line.js"
 * @import { Host, Seat } from "./host.js"
 *
 * @typedef {"worker" | "leader" | "alone"} Sharing
 *
 * @typedef {object} Joining
 * @property {Line} line the tab's end
 * @property {() => void} greet what to say to each new host
 * @property {() => Promise<Host>} makeHost for when it is to be in this tab
 * @property {URL | string} workerUrl
 * @property {Sharing} [sharing] the way to use; unset: the first that works
 */

/** Rises with what is said between tab and host: pages of two versions do not share one. */
const NAME = "backline 2";
/** An engine that cannot run module workers may stay silent instead of failing. */
const WORKER_MS = 5_000;

/** @param {Joining} joining @returns {Promise<() => void>} how to leave */
export async function join(joining) {
  const { sharing } = joining;
  if (sharing === "alone" || !globalThis.navigator?.locks || !globalThis.BroadcastChannel || !globalThis.document) {
    return joinOwnHost(joining);
  }
  const tabId = newId();
  const release = await holdLock(`${NAME} tab ${tabId}`);
  const leave = sharing === "leader" ? null : await joinWorker(joining, tabId);
  const leaveHost = leave ?? joinLeader(joining, tabId);
  return () => {
    leaveHost();
    release();
  };
}

/** Serve whoever connects to this SharedWorker. @param {any} scope its global @param {Host} host */
export function serveWorker(scope, host) {
  scope.onconnect = (/** @type {MessageEvent} */ { ports: [port] }) => {
    port.onmessage = ({ data: { tabId } }) => {
      const seat = host.accept((message) => port.postMessage(message));
      port.onmessage = ({ data }) => seat.receive(data);
      whenGone(tabId, seat);
      port.postMessage("welcome");
    };
  };
}

/** @param {Joining} joining @param {string} tabId @returns {Promise<(() => void) | null>} null: it does not work here */
function joinWorker({ line, greet, workerUrl }, tabId) {
  return new Promise((resolve) => {
    if (!globalThis.SharedWorker) {
      resolve(null);
      return;
    }
    /** @type {SharedWorker} */
    let worker;
    try {
      worker = new SharedWorker(workerUrl, { type: "module", name: NAME });
    } catch {
      // Refused by the page's policy, or of another origin: the other tabs will have to do.
      resolve(null);
      return;
    }
    const { port } = worker;
    const giveUp = () => {
      clearTimeout(timer);
      port.close();
      resolve(null);
    };
    const timer = setTimeout(giveUp, WORKER_MS);
    worker.onerror = giveUp;
    port.onmessage = () => {
      clearTimeout(timer);
      worker.onerror = null;
      port.onmessage = ({ data }) => void line.receive(data);
      line.attach((message) => port.postMessage(message), greet);
      resolve(() => port.close());
    };
    port.postMessage({ tabId });
  });
}

/** @param {Joining} joining @param {string} tabId @returns {() => void} how to leave */
function joinLeader({ line, greet, makeHost }, tabId) {
  const channel = new BroadcastChannel(NAME);
  const leaving = new AbortController();
  const follow = () => line.attach((message) => channel.postMessage({ from: tabId, message }), greet);
  channel.onmessage = ({ data: { to, message, leader } }) => {
    if (leader) follow();
    else if (to === tabId) void line.receive(message);
  };
  channel.postMessage({ from: tabId, question: true });
  const lead = async () => {
    const host = await makeHost();
    /** @type {Map<string, Seat>} */
    const seats = new Map();
    channel.onmessage = ({ data: { from, message, question } }) => {
      if (question) channel.postMessage({ leader: true });
      else if (from) seatOf(from).receive(message);
    };
    const seatOf = (/** @type {string} */ id) => {
      let seat = seats.get(id);
      if (!seat) {
        seat = host.accept((message) => channel.postMessage({ to: id, message }));
        seats.set(id, seat);
        whenGone(id, seat);
      }
      return seat;
    };
    const own = connect(line, greet, host);
    channel.postMessage({ leader: true });
    await new Promise((resolve) => leaving.signal.addEventListener("abort", resolve));
    own();
    channel.close();
  };
  navigator.locks.request(`${NAME} leader`, { signal: leaving.signal }, lead).catch((error) => {
    if (error.name !== "AbortError") throw error;
    channel.close();
  });
  return () => leaving.abort();
}

/** @param {Joining} joining @returns {Promise<() => void>} how to leave */
async function joinOwnHost({ line, greet, makeHost }) {
  return connect(line, greet, await makeHost());
}

/**
 * Messages within one context: copied as between two, and never delivered within the call that sends them.
 * @param {Line} line
 * @param {() => void} greet
 * @param {Host} host
 * @returns {() => void} how to leave
 */
function connect(line, greet, host) {
  const seat = host.accept((message) => {
    const copy = structuredClone(message);
    queueMicrotask(() => void line.receive(copy));
  });
  line.attach((message) => {
    const copy = structuredClone(message);
    queueMicrotask(() => seat.receive(copy));
  }, greet);
  return () => seat.close();
}

/** @param {string} name @returns {Promise<() => void>} how to let go of it */
function holdLock(name) {
  return new Promise((granted) => {
    navigator.locks.request(name, () => new Promise((release) => granted(() => release(undefined))));
  });
}

/** @param {string} tabId @param {Seat} seat to close when that tab is gone */
function whenGone(tabId, seat) {
  navigator.locks.request(`${NAME} tab ${tabId}`, () => seat.close());
}
