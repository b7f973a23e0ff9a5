import { ApiError, SignedOutError } from "./errors.js";

/**
 * @import { ConnectionState, Problem, SocketLike, Tokens } from "./types.d.ts"
 *
 * @typedef {object} Timing for tests and unusual networks
 * @property {() => number} [random] 0 to 1, spreads the reconnects of many clients
 * @property {number} [pingEveryMs] how often the server is asked for a sign of life
 * @property {number} [patienceMs] how long that sign, or the first word of a connection, may take
 */

const OPEN = 1;
const UNAUTHENTICATED = 4401;
const ABNORMAL = 1006;
/** Closes after which trying again seldom helps; every other one is worth a new attempt. */
const REFUSALS = new Map([
  [4400, "The server did not understand this client."],
  [4403, "You may not be here."],
  [4404, "There is nothing here."],
  [4413, "A message was too large."],
]);
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 15_000;
/** A connection that held this long was a good one, and the next wait starts small again. */
const GOOD_AFTER_MS = 5_000;

/** One WebSocket, made again whenever it is lost, for as long as it is wanted; with a token that is renewed on it. */
export class Link {
  /** What the server said last about the connection itself: the reason of the close that follows. @type {Problem | null} */
  problem = null;
  #url;
  /** @type {Tokens} */
  #tokens;
  #protocols;
  #onOpen;
  #onMessage;
  #onGone;
  #onState;
  #isFinal;
  #isTokenNeeded;
  #openSocket;
  #random;
  #pingEveryMs;
  #patienceMs;

  /** @type {ConnectionState} */
  #state = "waiting";
  /** @type {SocketLike | null} */
  #socket = null;
  /** Counts attempts and stops, so that what belongs to an earlier one is dropped. */
  #attempt = 0;
  #failures = 0;
  #liveSince = 0;
  #token = "";
  #renewing = false;
  #retriedAt = -Infinity;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #pingTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #patienceTimer;

  /**
   * @param {object} options
   * @param {string} options.url `ws://…` or `wss://…`
   * @param {Tokens} options.tokens
   * @param {(token: string) => string[]} [options.protocols] subprotocols to offer
   * @param {(token: string) => void} options.onOpen say what has to be said first; `live` follows, when one is let in
   * @param {(data: any) => void} options.onMessage text, or an `ArrayBuffer`
   * @param {() => void} [options.onGone] nothing that was asked on this connection will be answered
   * @param {(state: ConnectionState, problem: Problem | null) => void} options.onState
   * @param {(code: number) => boolean} [options.isFinal] whether this refusal (a close code) would only be repeated
   * @param {() => boolean} [options.isTokenNeeded] whether nothing goes on with the token that runs out
   * @param {(url: string, protocols: string[]) => SocketLike} [options.openSocket]
   * @param {Timing} [options.timing]
   */
  constructor({
    url,
    tokens,
    protocols = () => [],
    onOpen,
    onMessage,
    onGone = () => {},
    onState,
    isFinal = () => true,
    isTokenNeeded = () => false,
    openSocket = (address, offered) => new WebSocket(address, offered),
    timing: { random = Math.random, pingEveryMs = 25_000, patienceMs = 10_000 } = {},
  }) {
    this.#url = url;
    this.#tokens = tokens;
    this.#protocols = protocols;
    this.#onOpen = onOpen;
    this.#onMessage = onMessage;
    this.#onGone = onGone;
    this.#onState = onState;
    this.#isFinal = isFinal;
    this.#isTokenNeeded = isTokenNeeded;
    this.#openSocket = openSocket;
    this.#random = random;
    this.#pingEveryMs = pingEveryMs;
    this.#patienceMs = patienceMs;
  }

  get state() {
    return this.#state;
  }

  /** The number of this connection; that of another one differs. */
  get attempt() {
    return this.#attempt;
  }

  /** Whether there is a connection, or one will be made. */
  get wanted() {
    return this.#state === "connecting" || this.#state === "live" || this.#retryTimer !== undefined;
  }

  /** Bytes that were not handed to the network yet. */
  get unsentBytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Connect now, also where there is a connection. */
  start() {
    this.#failures = 0;
    void this.#connect();
  }

  /** Let go, without a word to anybody. */
  stop() {
    this.#leave();
    this.#state = "waiting";
  }

  /** Try now what would be tried later; on an open connection, check that it still lives. */
  wake() {
    if (this.#retryTimer !== undefined) void this.#connect();
    else if (this.#state === "live") this.ping();
  }

  /** Wait a random while, longer with every failure (full jitter), and connect again. */
  retry() {
    if (this.#state === "live" && performance.now() - this.#liveSince > GOOD_AFTER_MS) this.#failures = 0;
    this.#leave();
    const ceiling = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** this.#failures++);
    this.#retryTimer = setTimeout(() => this.#connect(), this.#random() * ceiling);
    this.#become("waiting", this.problem);
  }

  /** Nobody, or somebody else, is logged in. @param {SignedOutError} error */
  signOut(error) {
    if (this.#state !== "signed_out") this.#giveUpOrRetry(error);
  }

  /** The server has let us in. */
  live() {
    this.#liveSince = performance.now();
    this.#pingTimer = setInterval(() => this.ping(), this.#pingEveryMs);
    this.#become("live");
  }

  /** @param {string | Uint8Array<ArrayBuffer>} data dropped without an open connection */
  send(data) {
    if (this.#socket?.readyState === OPEN) this.#socket.send(data);
  }

  /** @param {object} frame */
  say(frame) {
    this.send(JSON.stringify(frame));
  }

  /** Ask for a sign of life. The `id` that comes back with it is when it was asked for. */
  ping() {
    this.say({ type: "ping", id: String(performance.now()) });
    this.expectAnswer();
  }

  /** Something was asked: a server from which nothing at all comes any more has gone. */
  expectAnswer() {
    this.#patienceTimer ??= setTimeout(() => this.retry(), this.#patienceMs);
  }

  /** Give the server a newer token on the open connection. */
  async renew() {
    if (this.#renewing) return;
    this.#renewing = true;
    const attempt = this.#attempt;
    try {
      this.#tokens.discard(this.#token);
      const token = await this.#tokens.get();
      if (attempt !== this.#attempt) return;
      this.#token = token;
      this.say({ type: "auth", id: "auth", authToken: token });
    } catch (error) {
      if (attempt !== this.#attempt) return;
      // The old token may do for a while; the server closes when it does not.
      if (error instanceof SignedOutError || this.#isTokenNeeded()) this.#giveUpOrRetry(error);
    } finally {
      this.#renewing = false;
    }
  }

  async #connect() {
    const attempt = this.#leave();
    this.problem = null;
    this.#become("connecting");
    try {
      this.#token = await this.#tokens.get();
    } catch (error) {
      if (attempt === this.#attempt) this.#giveUpOrRetry(error);
      return;
    }
    if (attempt !== this.#attempt) return;
    const socket = this.#openSocket(this.#url, this.#protocols(this.#token));
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.expectAnswer();
    socket.onopen = () => this.#onOpen(this.#token);
    socket.onmessage = ({ data }) => {
      clearTimeout(this.#patienceTimer);
      this.#patienceTimer = undefined;
      this.#onMessage(data);
    };
    socket.onclose = ({ code }) => this.#closed(code);
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
    clearInterval(this.#pingTimer);
    clearTimeout(this.#patienceTimer);
    this.#retryTimer = this.#patienceTimer = undefined;
    if (this.#socket) {
      const socket = this.#socket;
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
      this.#socket = null;
      socket.close(1000);
    }
    this.#onGone();
    return ++this.#attempt;
  }

  /** @param {number} code */
  #closed(code) {
    // Refused before one was let in, browsers tell no reason: perhaps the session is over. A new token tells.
    if (code === UNAUTHENTICATED || this.#state !== "live") this.#tokens.discard(this.#token);
    const refusal = REFUSALS.get(code);
    if (refusal && this.#isFinal(code)) {
      this.#giveUp("refused", this.problem ?? { code: `CLOSED_${code}`, detail: refusal });
    } else if (refusal || code === UNAUTHENTICATED) {
      this.#retryOnce();
    } else {
      this.retry();
    }
  }

  /** Connect again at once; being refused again must not spin. */
  #retryOnce() {
    const now = performance.now();
    const again = now - this.#retriedAt < GOOD_AFTER_MS;
    this.#retriedAt = now;
    if (again) this.retry();
    else void this.#connect();
  }

  /** @param {unknown} error why a token could not be had */
  #giveUpOrRetry(error) {
    if (error instanceof SignedOutError) this.#giveUp("signed_out", { code: error.code, detail: error.message });
    else if (error instanceof ApiError && !error.temporary) this.#giveUp("refused", { code: error.code, detail: error.message });
    else this.retry();
  }

  /** @param {ConnectionState} state @param {Problem} problem */
  #giveUp(state, problem) {
    this.#leave();
    this.#become(state, problem);
  }

  /** @param {ConnectionState} state @param {Problem | null} [problem] */
  #become(state, problem = null) {
    this.#state = state;
    this.#onState(state, problem);
  }
}
