import { newId } from "./ids.js";

/**
 * How the tabs of one browser find the host that has their connection.
 *
 * The host is a SharedWorker. If there is none, it is the tab that gets a Web Lock, reached over a BroadcastChannel;
 * when that tab closes, the next tab takes over. Without Web Locks (Node, or a page that is not a secure context) each
 * tab has its own host. Each tab also has its own lock, which shows when the tab is gone: ports and channels do not
 * show when their other end is closed.
 *
 * @import { Line } from "./line.js"
 * @import { Host, Seat } from "./host.js"
 *
 * @typedef {"worker" | "leader" | "alone"} Sharing
 *
 * @typedef {object} Joining
 * @property {Line} line the tab's end
 * @property {() => void} greet sends the first messages to each new host
 * @property {() => Promise<Host>} makeHost creates the host if it is in this tab
 * @property {URL | string} workerUrl
 * @property {Sharing} [sharing] the way to use; by default the first that works
 */

/** The number increases when the messages between tab and host change, so that pages of two versions share no host. */
const NAME = "backline 2";
/** How long to wait for the worker: a browser that cannot run module workers may not report an error. */
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

/** Serve the tabs that connect to this SharedWorker. @param {any} scope its global scope @param {Host} host */
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

/** @param {Joining} joining @param {string} tabId @returns {Promise<(() => void) | null>} null if it does not work here */
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
      // The Content Security Policy refuses it, or it is on another origin: share through a tab instead.
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
 * Connect a tab with a host in the same context. As between contexts, messages are copied, and never delivered during
 * the call that sends them.
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

/** @param {string} name @returns {Promise<() => void>} releases the lock */
function holdLock(name) {
  return new Promise((granted) => {
    navigator.locks.request(name, () => new Promise((release) => granted(() => release(undefined))));
  });
}

/** @param {string} tabId @param {Seat} seat closed when that tab is gone */
function whenGone(tabId, seat) {
  navigator.locks.request(`${NAME} tab ${tabId}`, () => seat.close());
}
