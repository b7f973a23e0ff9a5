import { ApiError, NetworkError, SignedOutError } from "./rest.js";

/**
 * @import { Ack, ConnectionState, Cursor, Problem, PushEvent, SocketLike, SyncEvent, Tokens } from "./types.d.ts"
 *
 * @typedef {object} Push a batch on its way; it keeps its id and eventIds until answered
 * @property {{type: "push", id: number, events: PushEvent[]}} frame
 * @property {boolean} reauthenticated whether a new token was already tried for it
 * @property {(ack: Ack) => void} resolve
 * @property {(error: Error) => void} reject
 *
 * @typedef {object} Read a pull that ends
 * @property {SyncEvent[]} events
 * @property {(events: SyncEvent[]) => void} resolve
 * @property {(error: Error) => void} reject
 */

/** The server refused a frame. */
export class SyncError extends Error {
  /** @param {Problem & {head?: number}} problem */
  constructor({ code, detail, head }) {
    super(detail || code);
    this.name = "SyncError";
    this.code = code;
    this.head = head;
  }
}

/** Close codes after which trying again cannot help; every other one is worth a new attempt. */
const REFUSALS = new Map([
  [4400, "The server did not understand this client."],
  [4403, "You may not follow this."],
  [4404, "There is nothing here to follow."],
  [4413, "A message was too large."],
]);
const UNAUTHENTICATED = 4401;
const ABNORMAL = 1006;
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 15_000;
/** A connection that held this long was a good one, and the next wait starts small again. */
const GOOD_AFTER_MS = 5_000;
const MAX_RESETS = 3;

/**
 * One instance of `/sync`, followed for as long as it is wanted.
 *
 * Every event after the cursor is delivered once and in order, across reconnects. When the log no
 * longer holds the cursor, `takeSnapshot` is asked for a new place to start from.
 */
export class SyncConnection {
  #url;
  #instanceId;
  /** @type {Tokens} */
  #tokens;
  #takeSnapshot;
  #onEvents;
  #onState;
  #openSocket;
  #random;
  #pingEveryMs;
  #patienceMs;
  #clientId = crypto.randomUUID();

  /** @type {Cursor} */
  #cursor = { epoch: "", seq: 0 };
  /** @type {ConnectionState} */
  #state = "waiting";
  /** @type {SocketLike | null} */
  #socket = null;
  /** Counts attempts and stops, so that what belongs to an earlier one is dropped. */
  #attempt = 0;
  #failures = 0;
  #openedAt = 0;
  #ready = false;
  #token = "";
  #nextId = 1;
  #livePull = 0;
  #catchUpTo = 0;
  #resets = 0;
  #renewing = false;
  #reauthenticatedAt = -Infinity;
  #gapAt = -1;
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
   * @param {() => Promise<Cursor>} options.takeSnapshot reads the present anew; answers where it stands
   * @param {(events: SyncEvent[]) => void} options.onEvents
   * @param {(state: ConnectionState, problem: Problem | null) => void} [options.onState]
   * @param {(url: string) => SocketLike} [options.openSocket]
   * @param {() => number} [options.random] 0 to 1, spreads the reconnects of many clients
   * @param {number} [options.pingEveryMs] silence after which the server is asked for a sign of life
   * @param {number} [options.patienceMs] how long that sign, or `ready`, may take
   */
  constructor({
    url,
    instanceId,
    tokens,
    takeSnapshot,
    onEvents,
    onState = () => {},
    openSocket = (address) => new WebSocket(address),
    random = Math.random,
    pingEveryMs = 25_000,
    patienceMs = 10_000,
  }) {
    this.#url = url;
    this.#instanceId = instanceId;
    this.#tokens = tokens;
    this.#takeSnapshot = takeSnapshot;
    this.#onEvents = onEvents;
    this.#onState = onState;
    this.#openSocket = openSocket;
    this.#random = random;
    this.#pingEveryMs = pingEveryMs;
    this.#patienceMs = patienceMs;
  }

  get state() {
    return this.#state;
  }

  /** The last event delivered, or where following started. */
  get cursor() {
    return { ...this.#cursor };
  }

  /** @param {Cursor} cursor the place a snapshot was taken at */
  start(cursor) {
    this.#cursor = { epoch: cursor.epoch, seq: cursor.seq };
    this.#failures = 0;
    this.#connect();
  }

  /** Ends it; pushes without an answer are rejected. */
  stop() {
    this.#leave(1000);
    this.#rejectAll(new NetworkError("stopped"));
  }

  /** Try now what would be tried later; on an open connection, check that it still lives. */
  wake() {
    if (this.#state === "waiting" && this.#retryTimer !== undefined) this.#connect();
    else if (this.#ready) this.#ping();
  }

  /**
   * Push one command or event. Without a connection it is sent when there is one again, with the
   * same eventId, so it happens once however often it is sent.
   * @param {string} name
   * @param {Record<string, any>} [args]
   * @returns {Promise<Ack>}
   * @throws {SyncError | NetworkError}
   */
  push(name, args = {}) {
    const event = { eventId: crypto.randomUUID(), name, args, clientTimestamp: Date.now() };
    const frame = { type: /** @type {const} */ ("push"), id: this.#nextId++, events: [event] };
    return new Promise((resolve, reject) => {
      this.#pushes.set(frame.id, { frame, reauthenticated: false, resolve, reject });
      if (this.#ready) this.#send(frame);
    });
  }

  /**
   * Events after `seq` up to the head, read once. Needs an open connection.
   * @param {number} seq
   * @returns {Promise<SyncEvent[]>} ascending `seqNum`
   * @throws {SyncError | NetworkError}
   */
  read(seq) {
    if (!this.#ready) return Promise.reject(new NetworkError("not connected"));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#reads.set(id, { events: [], resolve, reject });
      this.#send({ type: "pull", id, cursor: seq, epoch: this.#cursor.epoch, live: false });
    });
  }

  async #connect() {
    const attempt = this.#leave(1000);
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
   * @param {number} code
   * @returns {number} the number of the attempt that may begin
   */
  #leave(code) {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#quietTimer);
    this.#retryTimer = undefined;
    if (this.#socket) {
      const socket = this.#socket;
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
      this.#socket = null;
      socket.close(code);
    }
    this.#ready = false;
    this.#livePull = 0;
    for (const read of this.#reads.values()) read.reject(new NetworkError("connection lost"));
    this.#reads.clear();
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
        this.#ready = true;
        this.#resets = 0;
        for (const push of this.#pushes.values()) this.#send(push.frame);
        if (frame.epoch !== this.#cursor.epoch || frame.head < this.#cursor.seq) this.#reset();
        else this.#follow(frame.head);
        if (frame.auth === "grace") this.#authenticate();
        break;
      case "authed":
        for (const push of this.#pushes.values()) if (push.reauthenticated) this.#send(push.frame);
        break;
      case "events":
        if (frame.id === this.#livePull) this.#advance(frame.events);
        else this.#reads.get(frame.id)?.events.push(...frame.events);
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

  /**
   * Ask for everything after the cursor, and for what comes.
   * @param {number} head what there was when asking; reached, this is live
   */
  #follow(head) {
    if (this.#livePull) this.#send({ type: "unpull", id: this.#livePull });
    this.#livePull = this.#nextId++;
    this.#catchUpTo = head;
    this.#send({
      type: "pull", id: this.#livePull, cursor: this.#cursor.seq, epoch: this.#cursor.epoch, live: true,
    });
    if (this.#cursor.seq >= head) this.#setState("live");
  }

  /** @param {SyncEvent[]} events */
  #advance(events) {
    const fresh = [];
    for (const event of events) {
      if (event.seqNum <= this.#cursor.seq) continue;
      if (event.parentSeqNum !== this.#cursor.seq) {
        this.#fillGap();
        break;
      }
      this.#cursor.seq = event.seqNum;
      fresh.push(event);
    }
    if (fresh.length) this.#onEvents(fresh);
    if (this.#livePull && this.#cursor.seq >= this.#catchUpTo) this.#setState("live");
  }

  /** Something is missing: read again from the cursor; a second time at one place, start afresh. */
  #fillGap() {
    if (this.#gapAt === this.#cursor.seq) {
      this.#reset();
      return;
    }
    this.#gapAt = this.#cursor.seq;
    this.#follow(this.#catchUpTo);
  }

  /** The cursor is no place in this log (any more): start from a new snapshot. */
  async #reset() {
    const attempt = this.#attempt;
    if (this.#livePull) this.#send({ type: "unpull", id: this.#livePull });
    this.#livePull = 0;
    this.#setState("connecting");
    if (++this.#resets > MAX_RESETS) {
      this.#lost();
      return;
    }
    try {
      const { epoch, seq } = await this.#takeSnapshot();
      if (attempt !== this.#attempt) return;
      this.#cursor = { epoch, seq };
      this.#gapAt = -1;
      this.#follow(seq);
    } catch (error) {
      if (attempt === this.#attempt) this.#giveUpOrWait(error);
    }
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
      if (frame.code === "CURSOR_TOO_OLD" || frame.code === "EPOCH_MISMATCH") this.#reset();
      else this.#lost();
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
      // Without an answer the old token may still do for a while; the server closes when it does not.
      if (attempt === this.#attempt && !(error instanceof NetworkError)) this.#giveUpOrWait(error);
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
    if (refusal) {
      const problem = this.#refusal ?? { code: `CLOSED_${code}`, detail: refusal };
      this.#leave(1000);
      this.#setState("refused", problem);
      this.#rejectAll(new SyncError(problem));
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

  /** @param {unknown} error why a token or a snapshot could not be had */
  #giveUpOrWait(error) {
    if (error instanceof SignedOutError) {
      this.#leave(1000);
      this.#setState("signed_out", { code: "AUTH_REQUIRED", detail: error.message });
      this.#rejectAll(error);
    } else if (error instanceof ApiError && !error.temporary) {
      this.#leave(1000);
      this.#setState("refused", { code: error.code, detail: error.message });
      this.#rejectAll(error);
    } else {
      this.#lost();
    }
  }

  /** Wait a random while, longer with every failure (full jitter), and connect again. */
  #lost() {
    if (this.#wasGood()) this.#failures = 0;
    this.#leave(1000);
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

  /** @param {Error} error */
  #rejectAll(error) {
    const pushes = [...this.#pushes.values()];
    this.#pushes.clear();
    for (const push of pushes) push.reject(error);
  }

  /** @param {ConnectionState} state @param {Problem | null} [problem] */
  #setState(state, problem = null) {
    if (state === this.#state && !problem) return;
    this.#state = state;
    this.#onState(state, problem);
  }
}
