import { ServerClock } from "./clock.js";
import { ApiError, SignedOutError } from "./errors.js";
import { unpackFrame } from "./frames.js";
import { newId } from "./ids.js";
import { Stream } from "./stream.js";

/**
 * @import { ConnectionState, Problem, Tokens } from "./types.d.ts"
 * @import { StreamOptions } from "./stream.js"
 *
 * @typedef {object} StreamSocket What is needed of a WebSocket; browsers', Node's and React Native's have it
 * @property {number} readyState
 * @property {number} [bufferedAmount] bytes not handed to the network yet
 * @property {string} binaryType
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onmessage
 * @property {((event: any) => void) | null} onclose
 * @property {((event: any) => void) | null} onerror
 * @property {(data: string | Uint8Array<ArrayBuffer>) => void} send
 * @property {(code?: number, reason?: string) => void} close
 *
 * @typedef {object} Timing for tests and unusual networks
 * @property {() => number} [random] 0 to 1, spreads the reconnects of many clients
 * @property {number} [pingEveryMs] how often the server is asked for a sign of life, and for its time
 * @property {number} [patienceMs] how long that sign may take
 */

const OPEN = 1;
const BAD_MESSAGE = 4400;
const UNAUTHENTICATED = 4401;
const FORBIDDEN = 4403;
const NOT_FOUND = 4404;
const TOO_LARGE = 4413;
const ABNORMAL = 1006;
/** @type {Map<number, string>} why a connection for one stream ended for good */
const REFUSALS = new Map([
  [BAD_MESSAGE, "The server did not understand this client."],
  [FORBIDDEN, "You may no longer use this stream."],
  [NOT_FOUND, "This stream does not exist any more."],
  [TOO_LARGE, "A message was too large."],
]);
/** The answer to a `register` that may be another one in a moment. */
const TEMPORARY = new Set(["RATE_LIMITED", "UNAVAILABLE", "INTERNAL_ERROR"]);
const ANEW = new Set(["EPOCH_MISMATCH", "CURSOR_TOO_OLD"]);
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 15_000;
/** A connection that held this long was a good one, and the next wait starts small again. */
const GOOD_AFTER_MS = 5_000;

/**
 * Live streams over `/ws`: one socket for all streams of a page or a process, made again whenever it is lost. It is
 * open while there is a stream to be on.
 */
export class Streams {
  #url;
  #tokens;
  #openSocket;
  #random;
  #pingEveryMs;
  #patienceMs;
  #clock = new ServerClock();
  /** @type {Map<string, Stream>} */
  #streams = new Map();

  /** @type {ConnectionState} */
  #state = "waiting";
  /** @type {StreamSocket | null} */
  #socket = null;
  /** Counts attempts and stops, so that what belongs to an earlier one is dropped. */
  #attempt = 0;
  #failures = 0;
  #openedAt = -Infinity;
  #token = "";
  #renewing = false;
  #reauthenticatedAt = -Infinity;
  /** @type {Problem | null} */
  #lastProblem = null;
  /** @type {Map<string, Stream>} by the id of the `register` */
  #registering = new Map();
  /** @type {Map<string, number>} when each ping was sent */
  #pings = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pingTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patienceTimer;

  /**
   * @param {object} options
   * @param {string} options.baseUrl such as `https://backline.example`, without a path
   * @param {Tokens} options.tokens a `TokenSource`, or a `Client`'s `tokens`
   * @param {(url: string, protocols: string[]) => StreamSocket} [options.openSocket]
   * @param {Timing} [options.timing]
   */
  constructor({
    baseUrl,
    tokens,
    openSocket = (url, protocols) => new WebSocket(url, protocols),
    timing: { random = Math.random, pingEveryMs = 10_000, patienceMs = 10_000 } = {},
  }) {
    this.#url = `${baseUrl.replace(/^http/, "ws")}/ws`;
    this.#tokens = tokens;
    this.#openSocket = openSocket;
    this.#random = random;
    this.#pingEveryMs = pingEveryMs;
    this.#patienceMs = patienceMs;
  }

  get state() {
    return this.#state;
  }

  /** Bytes that were not handed to the network yet. */
  get unsentBytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** @returns {number} Unix milliseconds by the server's clock, to compare with the `timestamp`s of frames */
  now() {
    return this.#clock.now();
  }

  /**
   * Go onto a stream, and stay on it until it is closed.
   * @param {StreamOptions} options
   * @returns {Stream}
   * @throws {Error} this is on that stream already
   */
  register(options) {
    if (this.#streams.has(options.streamId)) throw new Error(`On ${options.streamId} already.`);
    const stream = new Stream(this, options);
    this.#streams.set(stream.id, stream);
    if (this.#isOpen()) this.#sendRegister(stream);
    else if (this.#state !== "connecting" && this.#retryTimer === undefined) this.#connect();
    return stream;
  }

  /** @param {Stream} stream */
  unregister(stream) {
    if (this.#streams.get(stream.id) !== stream) return;
    this.#streams.delete(stream.id);
    if (!this.#streams.size) this.#rest();
    else if (this.#isOpen()) this.transmit(JSON.stringify({ type: "unregister", streamId: stream.id }));
  }

  /** @param {string | Uint8Array<ArrayBuffer>} message */
  transmit(message) {
    if (this.#isOpen()) this.#socket?.send(message);
  }

  /** Try now what would be tried later; on an open connection, check that it still lives. */
  wake() {
    if (this.#retryTimer !== undefined) this.#connect();
    else if (this.#isOpen()) this.#ping();
  }

  /** Leave every stream. */
  close() {
    for (const stream of [...this.#streams.values()]) stream.close();
  }

  #isOpen() {
    return this.#socket?.readyState === OPEN;
  }

  async #connect() {
    const attempt = this.#leave();
    this.#lastProblem = null;
    this.#tell("connecting");
    try {
      this.#token = await this.#tokens.get();
    } catch (error) {
      if (attempt === this.#attempt) this.#giveUpOrWait(error);
      return;
    }
    if (attempt !== this.#attempt) return;
    const socket = this.#openSocket(this.#url, ["bearer", this.#token]);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#expectTraffic();
    socket.onopen = () => this.#opened();
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = ({ code }) => this.#closed(code);
    // The close that should follow an error says 1006 too, and in some clients it never comes.
    socket.onerror = () => this.#closed(ABNORMAL);
  }

  #opened() {
    this.#openedAt = performance.now();
    this.#state = "live";
    this.#ping();
    for (const stream of this.#streams.values()) this.#sendRegister(stream);
  }

  /**
   * Let go of the socket, whatever state it is in. Its handlers go first: a dead connection's own
   * close event can be minutes away.
   * @returns {number} the number of the attempt that may begin
   */
  #leave() {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#pingTimer);
    clearTimeout(this.#patienceTimer);
    this.#retryTimer = this.#patienceTimer = undefined;
    this.#registering.clear();
    this.#pings.clear();
    if (this.#socket) {
      const socket = this.#socket;
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
      this.#socket = null;
      socket.close(1000);
    }
    return ++this.#attempt;
  }

  /** Nobody is on any stream. */
  #rest() {
    this.#leave();
    this.#failures = 0;
    this.#state = "waiting";
  }

  /** @param {Stream} stream */
  #sendRegister(stream) {
    const id = newId();
    this.#registering.set(id, stream);
    this.transmit(JSON.stringify(stream.registerFrame(id)));
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    clearTimeout(this.#patienceTimer);
    this.#patienceTimer = undefined;
    if (typeof data !== "string") {
      this.#show(data);
      return;
    }
    const message = JSON.parse(data);
    const stream = this.#streams.get(message.streamId);
    switch (message.type) {
      case "registered":
        if (this.#registering.get(message.id) === stream) stream?.begin(message);
        this.#registering.delete(message.id);
        break;
      case "ack":
        stream?.acknowledged(message);
        break;
      case "presence":
        stream?.meet(message);
        break;
      case "pong":
        this.#answered(message);
        break;
      case "notice":
        if (message.code === "TOKEN_EXPIRING") this.#authenticate();
        break;
      case "error":
        this.#refused({ ...message, detail: message.message });
        break;
      case "authed":
      case "unregistered":
        break;
      default:
        stream?.receive(message);
    }
  }

  /** @param {ArrayBuffer} data */
  async #show(data) {
    const { header, payload } = unpackFrame(data);
    const attempt = this.#attempt;
    try {
      await this.#streams.get(header.streamId)?.show({ header, payload });
    } finally {
      if (attempt === this.#attempt) {
        this.transmit(JSON.stringify({ type: "ack", streamId: header.streamId, frame: header.frame }));
      }
    }
  }

  /** @param {Problem & {id?: string, streamId?: string}} problem */
  #refused(problem) {
    const registering = this.#registering.get(problem.id ?? "");
    this.#registering.delete(problem.id ?? "");
    const stream = registering ?? this.#streams.get(problem.streamId ?? "");
    if (stream && ANEW.has(problem.code)) {
      stream.reset();
      this.#sendRegister(stream);
    } else if (registering && TEMPORARY.has(problem.code)) {
      this.#lost();
    } else if (registering) {
      this.#streams.delete(registering.id);
      registering.become("refused", problem);
      if (!this.#streams.size) this.#rest();
    } else {
      // About a message or a frame; or the reason of the close that follows.
      this.#lastProblem = problem;
      for (const each of stream ? [stream] : this.#streams.values()) each.refused(problem);
    }
  }

  /** Give the server a newer token on the open connection. */
  async #authenticate() {
    if (this.#renewing) return;
    this.#renewing = true;
    const attempt = this.#attempt;
    try {
      this.#tokens.discard(this.#token);
      const token = await this.#tokens.get();
      if (attempt !== this.#attempt) return;
      this.#token = token;
      this.transmit(JSON.stringify({ type: "auth", id: newId(), authToken: token }));
    } catch (error) {
      // Without a network the old token may do for a while; the server closes when it does not.
      if (attempt === this.#attempt && error instanceof SignedOutError) this.#giveUpOrWait(error);
    } finally {
      this.#renewing = false;
    }
  }

  /** @param {number} code */
  #closed(code) {
    // Refused before it was open, browsers tell no reason: perhaps the session is over. A new token tells.
    if (this.#state !== "live") this.#tokens.discard(this.#token);
    const refusal = REFUSALS.get(code);
    if (refusal && this.#streams.size <= 1) {
      this.#giveUp("refused", this.#lastProblem ?? { code: `CLOSED_${code}`, detail: refusal });
    } else if (code === UNAUTHENTICATED) {
      this.#tokens.discard(this.#token);
      this.#retryOnce();
    } else if (refusal) {
      // It may be about one of several streams: registering again tells which.
      this.#retryOnce();
    } else {
      this.#lost();
    }
  }

  /** Connect again at once; being refused again must not spin. */
  #retryOnce() {
    const now = performance.now();
    const again = now - this.#reauthenticatedAt < GOOD_AFTER_MS;
    this.#reauthenticatedAt = now;
    if (again) this.#lost();
    else this.#connect();
  }

  /** @param {unknown} error why a token could not be had */
  #giveUpOrWait(error) {
    if (error instanceof SignedOutError) this.#giveUp("signed_out", { code: error.code, detail: error.message });
    else if (error instanceof ApiError && !error.temporary) this.#giveUp("refused", { code: error.code, detail: error.message });
    else this.#lost();
  }

  /** @param {ConnectionState} state @param {Problem} problem */
  #giveUp(state, problem) {
    this.#leave();
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    this.#state = state;
    for (const stream of streams) stream.become(state, problem);
  }

  /** Wait a random while, longer with every failure (full jitter), and connect again. */
  #lost() {
    if (this.#state === "live" && performance.now() - this.#openedAt > GOOD_AFTER_MS) this.#failures = 0;
    this.#leave();
    const ceiling = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** this.#failures++);
    this.#retryTimer = setTimeout(() => this.#connect(), this.#random() * ceiling);
    this.#tell("waiting");
  }

  #ping() {
    const id = newId();
    this.#pings.set(id, this.#clock.ask());
    this.transmit(JSON.stringify({ type: "ping", id }));
    this.#expectTraffic();
    clearTimeout(this.#pingTimer);
    this.#pingTimer = setTimeout(() => this.#ping(), this.#pingEveryMs);
  }

  /** @param {{id: string, timestamp?: number}} pong */
  #answered({ id, timestamp }) {
    const askedAt = this.#pings.get(id);
    this.#pings.delete(id);
    if (askedAt !== undefined && timestamp !== undefined) this.#clock.heard(askedAt, timestamp);
  }

  #expectTraffic() {
    this.#patienceTimer ??= setTimeout(() => this.#lost(), this.#patienceMs);
  }

  /** @param {ConnectionState} state @param {Problem | null} [problem] */
  #tell(state, problem = this.#lastProblem) {
    this.#state = state;
    for (const stream of this.#streams.values()) stream.become(state, problem);
  }
}
