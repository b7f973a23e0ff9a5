import { ServerClock } from "./clock.js";
import { unpackFrame } from "./frames.js";
import { newId } from "./ids.js";
import { Link } from "./link.js";
import { Stream } from "./stream.js";

/**
 * @import { ConnectionState, Problem, SocketLike, Tokens } from "./types.d.ts"
 * @import { Timing } from "./link.js"
 * @import { StreamOptions } from "./stream.js"
 */

/** Refusals of a `register` that may succeed in a moment. */
const TEMPORARY = new Set(["RATE_LIMITED", "UNAVAILABLE", "INTERNAL_ERROR"]);
const RESTARTS = new Set(["EPOCH_MISMATCH", "CURSOR_TOO_OLD"]);
/** Each pong has the server's time again, so that the clock stays accurate. */
const PING_EVERY_MS = 10_000;

/**
 * Live streams over `/ws`: one socket for all streams of a page or process, reopened whenever it is lost. It is open
 * while there is a registration.
 */
export class Streams {
  #link;
  #clock = new ServerClock();
  /** @type {Map<string, Stream>} */
  #streams = new Map();
  /** @type {Map<string, Stream>} by the id of the `register` */
  #registering = new Map();

  /**
   * @param {object} options
   * @param {string} options.baseUrl such as `https://backline.example`, without a path
   * @param {Tokens} options.tokens a `TokenSource`, or a `Client`'s `tokens`
   * @param {(url: string, protocols: string[]) => SocketLike} [options.openSocket]
   * @param {Timing} [options.timing]
   */
  constructor({ baseUrl, tokens, openSocket, timing }) {
    this.#link = new Link({
      url: `${baseUrl.replace(/^http/, "ws")}/ws`,
      tokens,
      protocols: (token) => ["bearer", token],
      onOpen: () => this.#opened(),
      onMessage: (data) => this.#receive(data),
      onGone: () => this.#registering.clear(),
      onState: (state, problem) => this.#become(state, problem),
      // It may be about one of several streams. Registering again shows which one.
      isFinal: () => this.#streams.size <= 1,
      openSocket,
      timing: { pingEveryMs: PING_EVERY_MS, ...timing },
    });
  }

  get state() {
    return this.#link.state;
  }

  /** The number of bytes not yet sent to the network. */
  get unsentBytes() {
    return this.#link.unsentBytes;
  }

  /** @returns {number} Unix milliseconds by the server's clock, to compare with the `timestamp`s of frames */
  now() {
    return this.#clock.now();
  }

  /**
   * Register on a stream, until it is closed.
   * @param {StreamOptions} options
   * @returns {Stream}
   * @throws {Error} already registered on that stream
   */
  register(options) {
    if (this.#streams.has(options.streamId)) throw new Error(`This client is already registered on stream ${options.streamId}.`);
    const stream = new Stream(this, options);
    this.#streams.set(stream.id, stream);
    if (this.#link.state === "live") this.#sendRegister(stream);
    else if (!this.#link.wanted) this.#link.start();
    return stream;
  }

  /** Register a stream again with its current options. @param {Stream} stream */
  renew(stream) {
    if (this.#link.state === "live") this.#sendRegister(stream);
  }

  /** @param {Stream} stream */
  unregister(stream) {
    if (this.#streams.get(stream.id) !== stream) return;
    this.#streams.delete(stream.id);
    if (this.#streams.size) this.#link.sendJson({ type: "unregister", streamId: stream.id });
    else this.#link.stop();
  }

  /** @param {string | Uint8Array<ArrayBuffer>} message */
  transmit(message) {
    this.#link.send(message);
  }

  /** Reconnect now instead of later. If the connection is open, check it with a ping. */
  wake() {
    this.#link.wake();
  }

  /** Leave every stream. */
  close() {
    for (const stream of [...this.#streams.values()]) stream.close();
  }

  #opened() {
    this.#link.live();
    this.#link.ping();
    for (const stream of this.#streams.values()) this.#sendRegister(stream);
  }

  /** @param {Stream} stream */
  #sendRegister(stream) {
    const id = newId();
    this.#registering.set(id, stream);
    this.#link.sendJson(stream.registerFrame(id));
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
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
        this.#clock.heard(Number(message.id), message.timestamp);
        break;
      case "notice":
        if (message.code === "TOKEN_EXPIRING") void this.#link.renew();
        else if (message.code === "DURABLE_TYPES") stream?.keep(message.durableTypes);
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
    const { attempt } = this.#link;
    try {
      await this.#streams.get(header.streamId)?.show({ header, payload });
    } finally {
      if (attempt === this.#link.attempt) this.#link.sendJson({ type: "ack", streamId: header.streamId, frame: header.frame });
    }
  }

  /** @param {Problem & {id?: string, streamId?: string}} problem */
  #refused(problem) {
    const registering = this.#registering.get(problem.id ?? "");
    this.#registering.delete(problem.id ?? "");
    const stream = registering ?? this.#streams.get(problem.streamId ?? "");
    if (stream && RESTARTS.has(problem.code)) {
      stream.reset();
      this.#sendRegister(stream);
    } else if (registering && TEMPORARY.has(problem.code)) {
      this.#link.retry();
    } else if (registering) {
      this.#streams.delete(registering.id);
      registering.become("refused", problem);
      if (!this.#streams.size) this.#link.stop();
    } else {
      // About a message or a frame, or the reason for the close that follows.
      this.#link.problem = problem;
      for (const each of stream ? [stream] : this.#streams.values()) each.refused(problem);
    }
  }

  /** @param {ConnectionState} state @param {Problem | null} problem */
  #become(state, problem) {
    if (state === "live") return; // each stream becomes live when it is registered
    const streams = [...this.#streams.values()];
    if (state === "signed_out" || state === "refused") this.#streams.clear();
    for (const stream of streams) stream.become(state, problem);
  }
}
