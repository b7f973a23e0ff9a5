import { ApiError, SignedOutError } from "./errors.js";

/**
 * @import { ConnectionState, Problem, SocketLike, Tokens } from "./types.d.ts"
 *
 * @typedef {object} Timing for tests and unusual networks
 * @property {() => number} [random] 0 to 1; spreads the reconnects of many clients
 * @property {number} [pingEveryMs] the interval of pings
 * @property {number} [patienceMs] how long the response to a ping, or a connection's first message, may take
 */

const OPEN = 1;
const UNAUTHENTICATED = 4401;
const ABNORMAL = 1006;
/** Close codes after which a retry seldom helps. After any other code the client reconnects. */
const REFUSALS = new Map([
  [4400, "The server could not read a message of this page."],
  [4403, "You do not have access."],
  [4404, "Not found."],
  [4413, "A message was too large."],
]);
const BACKOFF_BASE_MS = 500;
const BACKOFF_CAP_MS = 15_000;
/** After a connection that was live for this long, the backoff starts again at its base. */
const GOOD_AFTER_MS = 5_000;

/** A WebSocket that is reopened whenever it is lost, until `stop`. Its token is renewed on the open connection. */
export class Link {
  /** The server's last error about the connection itself: the reason for the close that follows. @type {Problem | null} */
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
  /** Counts attempts and stops, so that results of an earlier one are ignored. */
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
   * @param {(token: string) => void} options.onOpen sends the first message. Call `live` when the server accepts it
   * @param {(data: any) => void} options.onMessage gets text, or an `ArrayBuffer`
   * @param {() => void} [options.onGone] called when open requests on this connection will get no response
   * @param {(state: ConnectionState, problem: Problem | null) => void} options.onState
   * @param {(code: number) => boolean} [options.isFinal] whether to give up after this close code (a refusal)
   * @param {() => boolean} [options.isTokenNeeded] whether the connection is of no use without a new token
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

  /** The number of this connection. Each has a different one. */
  get attempt() {
    return this.#attempt;
  }

  /** Whether there is a connection, or there will be one. */
  get wanted() {
    return this.#state === "connecting" || this.#state === "live" || this.#retryTimer !== undefined;
  }

  /** The number of bytes not yet sent to the network. */
  get unsentBytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Connect now, even if there is a connection. */
  start() {
    this.#failures = 0;
    void this.#connect();
  }

  /** Disconnect, without calling `onState`. */
  stop() {
    this.#leave();
    this.#state = "waiting";
  }

  /** Reconnect now instead of later. If the connection is open, check it with a ping. */
  wake() {
    if (this.#retryTimer !== undefined) void this.#connect();
    else if (this.#state === "live") this.ping();
  }

  /** Reconnect after a random delay, whose maximum doubles with every failure (full jitter). */
  retry() {
    if (this.#state === "live" && performance.now() - this.#liveSince > GOOD_AFTER_MS) this.#failures = 0;
    this.#leave();
    const ceiling = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** this.#failures++);
    this.#retryTimer = setTimeout(() => this.#connect(), this.#random() * ceiling);
    this.#become("waiting", this.problem);
  }

  /** Give up, because nobody or another user is logged in. @param {SignedOutError} error */
  signOut(error) {
    if (this.#state !== "signed_out") this.#giveUpOrRetry(error);
  }

  /** Call it when the server has accepted the connection. */
  live() {
    this.#liveSince = performance.now();
    this.#pingTimer = setInterval(() => this.ping(), this.#pingEveryMs);
    this.#become("live");
  }

  /** @param {string | Uint8Array<ArrayBuffer>} data dropped if the connection is not open */
  send(data) {
    if (this.#socket?.readyState === OPEN) this.#socket.send(data);
  }

  /** @param {object} frame */
  sendJson(frame) {
    this.send(JSON.stringify(frame));
  }

  /** Send a ping. Its `id`, which the pong repeats, is the time of the request. */
  ping() {
    this.sendJson({ type: "ping", id: String(performance.now()) });
    this.expectAnswer();
  }

  /** Reconnect if no message at all arrives in time. Call it after a request. */
  expectAnswer() {
    this.#patienceTimer ??= setTimeout(() => this.retry(), this.#patienceMs);
  }

  /** Send the server a new token on the open connection. */
  async renew() {
    if (this.#renewing) return;
    this.#renewing = true;
    const attempt = this.#attempt;
    try {
      this.#tokens.discard(this.#token);
      const token = await this.#tokens.get();
      if (attempt !== this.#attempt) return;
      this.#token = token;
      this.sendJson({ type: "auth", id: "auth", authToken: token });
    } catch (error) {
      if (attempt !== this.#attempt) return;
      // The old token may still be valid for a while. The server closes the connection when it is not.
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
    // The close event that follows an error also has 1006, and in some clients it never comes.
    socket.onerror = () => this.#closed(ABNORMAL);
  }

  /**
   * Drop the socket, whatever its state. Its handlers are removed first: the close event of a dead connection can
   * come minutes later.
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
    // When a connection is refused before it is live, browsers give no reason. The session may have ended. Discard the
    // token: requesting a new one shows whether it has.
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

  /** Reconnect at once. If the last such reconnect was a moment ago, wait first, so as not to loop. */
  #retryOnce() {
    const now = performance.now();
    const again = now - this.#retriedAt < GOOD_AFTER_MS;
    this.#retriedAt = now;
    if (again) this.retry();
    else void this.#connect();
  }

  /** @param {unknown} error why there is no token */
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
