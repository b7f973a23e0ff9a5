import { ApiError, NetworkError, SignedOutError, SyncError } from "./errors.js";
import { newId } from "./ids.js";

/**
 * @import { Ack, ConnectionState, Position, Problem, PushEvent, SocketLike, SyncEvent, Tokens } from "./types.d.ts"
 *
 * @typedef {object} Push a batch on its way
 * @property {{type: "push", id: number, events: PushEvent[]}} frame
 * @property {boolean} reauthenticated whether a new token was already tried for it
 * @property {(ack: Ack) => void} resolve
 * @property {(error: Error) => void} reject
 *
 * @typedef {object} Read a pull that ends
 * @property {SyncEvent[]} events
 * @property {(events: SyncEvent[]) => void} resolve
 * @property {(error: Error) => void} reject
 *
 * @typedef {object} Timing for tests and unusual networks
 * @property {() => number} [random] 0 to 1, spreads the reconnects of many clients
 * @property {number} [pingEveryMs] silence after which the server is asked for a sign of life
 * @property {number} [patienceMs] how long that sign, `ready` or an `ack` may take
 */

/** Close codes after which trying again cannot help; every other one is worth a new attempt. */
const REFUSALS = new Map([
  [4400, "The server did not understand this client."],
  [4403, "You may not follow this."],
  [4404, "There is nothing here to follow."],
  [4413, "A message was too large."],
]);
const UNAUTHENTICATED = 4401;
const FORBIDDEN = 4403;
const ABNORMAL = 1006;
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 15_000;
/** A connection that held this long was a good one, and the next wait starts small again. */
const GOOD_AFTER_MS = 5_000;

/** One socket to one instance of `/sync`, made again whenever it is lost, for as long as it is wanted. */
export class Connection {
  #url;
  #instanceId;
  /** @type {Tokens} */
  #tokens;
  #onState;
  #onEvents;
  #onWritable;
  #isUser;
  #openSocket;
  #random;
  #pingEveryMs;
  #patienceMs;
  #clientId = newId();

  /** @type {ConnectionState} */
  #state = "waiting";
  /** @type {SocketLike | null} */
  #socket = null;
  /** Counts attempts and stops, so that what belongs to an earlier one is dropped. */
  #attempt = 0;
  #failures = 0;
  #openedAt = 0;
  #ready = false;
  /** @type {Position} */
  #position = { epoch: "", head: 0 };
  #token = "";
  #nextId = 1;
  #livePull = 0;
  #inGrace = false;
  #renewing = false;
  #reauthenticatedAt = -Infinity;
  /** Whether the last refusal may have been meant for the cookie's user instead of the token's. */
  #doubted = false;
  /** @type {Problem | null} */
  #refusal = null;
  /** @type {Map<number, Push>} */
  #pushes = new Map();
  /** @type {Map<number, Read>} */
  #reads = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #quietTimer;

  /**
   * @param {object} options
   * @param {string} options.url `ws://…/sync` or `wss://…/sync`
   * @param {string} options.instanceId such as `guild:1234`
   * @param {Tokens} options.tokens
   * @param {(state: ConnectionState, problem: Problem | null, position: Position) => void} options.onState
   *   `position` is where the log stood when this became live
   * @param {(events: SyncEvent[]) => void} options.onEvents those after that position, as they happen
   * @param {() => void} [options.onWritable] live, with a token that is good for pushes
   * @param {(userId: string) => boolean} [options.isUser] whether this is whom the server should see
   * @param {(url: string) => SocketLike} [options.openSocket]
   * @param {Timing} [options.timing]
   */
  constructor({
    url,
    instanceId,
    tokens,
    onState,
    onEvents,
    onWritable = () => {},
    isUser = () => true,
    openSocket = (address) => new WebSocket(address),
    timing: { random = Math.random, pingEveryMs = 25_000, patienceMs = 10_000 } = {},
  }) {
    this.#url = url;
    this.#instanceId = instanceId;
    this.#tokens = tokens;
    this.#onState = onState;
    this.#onEvents = onEvents;
    this.#onWritable = onWritable;
    this.#isUser = isUser;
    this.#openSocket = openSocket;
    this.#random = random;
    this.#pingEveryMs = pingEveryMs;
    this.#patienceMs = patienceMs;
  }

  get state() {
    return this.#state;
  }

  start() {
    this.#failures = 0;
    this.#doubted = false;
    this.#connect();
  }

  stop() {
    this.#leave();
  }

  /** Try now what would be tried later; on an open connection, check that it still lives. */
  wake() {
    if (this.#state === "waiting" && this.#retryTimer !== undefined) this.#connect();
    else if (this.#ready) this.#ping();
  }

  /** Nobody is logged in any more. @param {SignedOutError} error */
  signOut(error) {
    if (this.#state !== "signed_out") this.#giveUpOrWait(error);
  }

  /**
   * @param {PushEvent[]} events
   * @returns {Promise<Ack>}
   * @throws {SyncError | NetworkError} refused; or the answer is lost with the connection
   */
  push(events) {
    if (!this.#ready) return Promise.reject(new NetworkError("not connected"));
    const frame = { type: /** @type {const} */ ("push"), id: this.#nextId++, events };
    return new Promise((resolve, reject) => {
      this.#pushes.set(frame.id, { frame, reauthenticated: false, resolve, reject });
      this.#send(frame);
      this.#expectTraffic(this.#patienceMs, () => this.#lost());
    });
  }

  /**
   * Events after `cursor` up to the head.
   * @param {number} cursor
   * @param {string} epoch
   * @returns {Promise<SyncEvent[]>} ascending `seqNum`
   * @throws {SyncError | NetworkError}
   */
  read(cursor, epoch) {
    if (!this.#ready) return Promise.reject(new NetworkError("not connected"));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#reads.set(id, { events: [], resolve, reject });
      this.#send({ type: "pull", id, cursor, epoch, live: false });
    });
  }

  async #connect() {
    const attempt = this.#leave();
    this.#refusal = null;
    this.#setState("connecting");
    try {
      this.#token = await this.#tokens.get();
    } catch (error) {
      if (attempt === this.#attempt) this.#giveUpOrWait(error);
      return;
    }
    if (attempt !== this.#attempt) return;
    const socket = this.#openSocket(this.#url);
    this.#socket = socket;
    this.#openedAt = performance.now();
    this.#expectTraffic(this.#patienceMs, () => this.#lost());
    socket.onopen = () => this.#send({
      type: "init", id: this.#nextId++, instanceId: this.#instanceId, authToken: this.#token, clientId: this.#clientId,
    });
    socket.onmessage = (message) => this.#receive(JSON.parse(message.data));
    socket.onclose = (close) => this.#closed(close.code);
    // The close that should follow an error says 1006 too, and in some clients it never comes.
    socket.onerror = () => this.#closed(ABNORMAL);
  }

  /**
   * Let go of the socket, whatever state it is in. Its handlers go first: a dead connection's own
   * close event can be minutes away.
   * @returns {number} the number of the attempt that may begin
   */
  #leave() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#quietTimer);
    this.#retryTimer = undefined;
    if (this.#socket) {
      const socket = this.#socket;
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
      this.#socket = null;
      socket.close(1000);
    }
    this.#ready = false;
    this.#inGrace = false;
    this.#livePull = 0;
    const unanswered = [...this.#reads.values(), ...this.#pushes.values()];
    this.#reads.clear();
    this.#pushes.clear();
    for (const { reject } of unanswered) reject(new NetworkError("connection lost"));
    return ++this.#attempt;
  }

  /** @param {any} frame */
  #receive(frame) {
    this.#expectTraffic(this.#pingEveryMs, () => this.#ping());
    if (frame.code === "TOKEN_EXPIRING") {
      this.#authenticate();
      return;
    }
    switch (frame.type) {
      case "ready":
        this.#begin(frame);
        break;
      case "authed":
        for (const push of this.#pushes.values()) if (push.reauthenticated) this.#send(push.frame);
        if (this.#inGrace) this.#onWritable();
        this.#inGrace = false;
        break;
      case "events":
        if (frame.id !== this.#livePull) this.#reads.get(frame.id)?.events.push(...frame.events);
        else if (frame.events.length) this.#onEvents(frame.events);
        break;
      case "end": {
        const read = this.#reads.get(frame.id);
        this.#reads.delete(frame.id);
        read?.resolve(read.events);
        break;
      }
      case "ack": {
        const push = this.#pushes.get(frame.id);
        this.#pushes.delete(frame.id);
        push?.resolve({ head: frame.head, seqNums: frame.seqNums });
        break;
      }
      case "error":
        this.#refused(frame);
        break;
    }
  }

  /** @param {{epoch: string, head: number, userId: string, auth: string}} ready */
  #begin({ epoch, head, userId, auth }) {
    if (!this.#isUser(userId)) {
      this.#giveUpOrWait(new SignedOutError("Somebody else is logged in here now."));
      return;
    }
    this.#ready = true;
    this.#doubted = false;
    this.#position = { epoch, head };
    this.#livePull = this.#nextId++;
    this.#send({ type: "pull", id: this.#livePull, cursor: head, epoch, live: true });
    this.#inGrace = auth === "grace";
    this.#setState("live");
    if (this.#inGrace) this.#authenticate();
    else this.#onWritable();
  }

  /** @param {Problem & {id?: number, head?: number}} frame */
  #refused(frame) {
    const id = frame.id ?? 0;
    const push = this.#pushes.get(id);
    const read = this.#reads.get(id);
    if (push) {
      if (frame.code === "TOKEN_EXPIRED" && !push.reauthenticated) {
        push.reauthenticated = true;
        this.#authenticate();
        return;
      }
      this.#pushes.delete(id);
      push.reject(new SyncError(frame));
    } else if (read) {
      this.#reads.delete(id);
      read.reject(new SyncError(frame));
    } else if (id && id === this.#livePull) {
      // The log was replaced under us: the next `ready` says by which.
      this.#lost();
    } else {
      // About the connection itself; the close that follows says whether it is final.
      this.#refusal = { code: frame.code, detail: frame.detail };
    }
  }

  /** Give the server a newer token on the open connection. */
  async #authenticate() {
    if (this.#renewing) return;
    this.#renewing = true;
    const attempt = this.#attempt;
    try {
      this.#tokens.discard(this.#token);
      this.#token = await this.#tokens.get();
      if (attempt === this.#attempt) this.#send({ type: "auth", id: this.#nextId++, authToken: this.#token });
    } catch (error) {
      if (attempt !== this.#attempt) return;
      // An old token may do for a while, the server closes when it does not; in grace nothing can be pushed.
      if (this.#inGrace || this.#pushes.size || !(error instanceof NetworkError)) this.#giveUpOrWait(error);
    } finally {
      this.#renewing = false;
    }
  }

  /** @param {number} code */
  #closed(code) {
    // Refused before a word was said, browsers tell no reason: perhaps the session is over. Ask for a
    // new token, which tells.
    if (!this.#ready) this.#tokens.discard(this.#token);
    const refusal = REFUSALS.get(code);
    if (code === FORBIDDEN && !this.#ready && !this.#doubted) {
      // Perhaps somebody else has logged in here, and cookie and token disagree: a new token tells.
      this.#doubted = true;
      this.#connect();
    } else if (refusal) {
      const problem = this.#refusal ?? { code: `CLOSED_${code}`, detail: refusal };
      this.#leave();
      this.#setState("refused", problem);
    } else if (code === UNAUTHENTICATED) {
      this.#tokens.discard(this.#token);
      // The new token tells at once whether the session is over; being refused again must not spin.
      const now = performance.now();
      const again = now - this.#reauthenticatedAt < GOOD_AFTER_MS;
      this.#reauthenticatedAt = now;
      if (again) this.#lost();
      else this.#connect();
    } else {
      this.#lost();
    }
  }

  /** @param {unknown} error why a token could not be had */
  #giveUpOrWait(error) {
    if (error instanceof SignedOutError) {
      this.#leave();
      this.#setState("signed_out", { code: error.code, detail: error.message });
    } else if (error instanceof ApiError && !error.temporary) {
      this.#leave();
      this.#setState("refused", { code: error.code, detail: error.message });
    } else {
      this.#lost();
    }
  }

  /** Wait a random while, longer with every failure (full jitter), and connect again. */
  #lost() {
    if (this.#wasGood()) this.#failures = 0;
    this.#leave();
    const ceiling = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** this.#failures++);
    this.#retryTimer = setTimeout(() => this.#connect(), this.#random() * ceiling);
    this.#setState("waiting", this.#refusal);
  }

  #wasGood() {
    return this.#ready && performance.now() - this.#openedAt > GOOD_AFTER_MS;
  }

  #ping() {
    this.#send({ type: "ping", id: this.#nextId++ });
    this.#expectTraffic(this.#patienceMs, () => this.#lost());
  }

  /** @param {number} ms @param {() => void} otherwise */
  #expectTraffic(ms, otherwise) {
    clearTimeout(this.#quietTimer);
    this.#quietTimer = setTimeout(otherwise, ms);
  }

  /** @param {object} frame */
  #send(frame) {
    this.#socket?.send(JSON.stringify(frame));
  }

  /** @param {ConnectionState} state @param {Problem | null} [problem] */
  #setState(state, problem = null) {
    this.#state = state;
    this.#onState(state, problem, this.#position);
  }
}
