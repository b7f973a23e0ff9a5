import { NetworkError, SyncError } from "./errors.js";
import { packFrame, packMessage } from "./frames.js";
import { newId } from "./ids.js";

/**
 * @import { ConnectionState, Problem } from "./types.d.ts"
 * @import { Streams } from "./streams.js"
 *
 * @typedef {object} StreamFrame
 * @property {Record<string, any>} header the sender's fields, and `type`, `from`, `timestamp`, `frame`, `missed`
 * @property {Uint8Array<ArrayBuffer>} payload
 *
 * @typedef {object} StreamMessage
 * @property {string} type
 * @property {{userId: string, connectionId: string}} from
 * @property {number} timestamp Unix milliseconds, by the server's clock
 * @property {number} [seq] of a durable message, in the log `stream:<id>`
 *
 * @typedef {object} Present
 * @property {string} connectionId
 * @property {string} userId
 * @property {string} username
 * @property {string} displayName
 * @property {string} clientType
 * @property {string[]} produces
 * @property {string[]} consumes
 *
 * @typedef {object} PresenceNews
 * @property {number} producing
 * @property {number} watching
 * @property {Present[]} present
 *
 * @typedef {object} StreamOptions
 * @property {string} streamId
 * @property {string} [clientType] `web`, `mobile`, `service` or any other word
 * @property {string[]} [produces] the types that this client sends
 * @property {string[]} [consumes] the types that this client receives
 * @property {number} [since] receive the durable messages after this seq; by default only new ones
 * @property {string} [epoch] the epoch of the log to which `since` belongs
 * @property {1 | 2} [credit] how many unacknowledged frames the server may send
 * @property {boolean} [presence] whether to receive presence. The public does not get it
 * @property {(frame: StreamFrame) => unknown} [onFrame] the next frame is requested when the returned promise
 *   settles, so that a slow client gets newer frames, not more
 * @property {(message: Record<string, any> & StreamMessage) => void} [onMessage]
 * @property {(news: PresenceNews) => void} [onPresence]
 * @property {(state: ConnectionState, problem: Problem | null) => void} [onState]
 * @property {(problem: Problem) => void} [onProblem] called when something sent without waiting, such as a frame, was
 *   refused
 * @property {(types: string[]) => void} [onDurableTypes] called when the owner changed which types are durable
 * @property {() => void} [onReset] called when durable messages may be missing: the log was replaced, or no longer goes
 *   back far enough. Read them over REST.
 *
 * @typedef {object} Unanswered
 * @property {string} text the message as JSON
 * @property {boolean} refused whether it was refused temporarily
 * @property {(ack: {seq?: number}) => void} resolve
 * @property {(error: Error) => void} reject
 */

const MAX_UNANSWERED = 100;
/** If more bytes are unsent, the network is slower than the camera, and the next frame is dropped. */
const MAX_UNSENT_BYTES = 65_536;
/** Refusals of a message that may succeed in a moment. */
const TEMPORARY = new Set(["RATE_LIMITED", "UNAVAILABLE"]);
/** The shortest delay before all temporarily refused messages are sent again, together, so that they do not exceed the limit again. */
const AGAIN_MS = 1_000;

/** A registration on one stream, to send and receive. Created by `Streams.register`. */
export class Stream {
  #options;
  #streams;
  /** @type {ConnectionState} */
  #state = "connecting";
  /** @type {{epoch: string, seq: number} | null} */
  #position = null;
  /** @type {Map<string, Unanswered>} */
  #unanswered = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #againTimer;

  /** @param {Streams} streams @param {StreamOptions} options */
  constructor(streams, options) {
    this.#streams = streams;
    this.#options = options;
    if (options.since !== undefined) this.#position = { epoch: options.epoch ?? "", seq: options.since };
  }

  get id() {
    return this.#options.streamId;
  }

  get state() {
    return this.#state;
  }

  /** @returns {{epoch: string, seq: number} | null} the position after the last durable message received, to resume from */
  get position() {
    return this.#position;
  }

  /**
   * Send a message of a produced type. It waits for a connection. After a lost response, or when the server is busy, it
   * sends the message again with the same id, so a durable message is stored once.
   * @param {{type: string} & Record<string, unknown>} message
   * @returns {Promise<{seq?: number}>} `seq` of a durable message
   * @throws {SyncError | NetworkError} refused, or more than 65,536 bytes; or the stream was left, or too many are pending
   */
  send(message) {
    if (this.#state === "refused" || this.#state === "signed_out" || this.#unanswered.size >= MAX_UNANSWERED) {
      return Promise.reject(new NetworkError("nothing can be sent now"));
    }
    const id = newId();
    let text;
    try {
      text = packMessage({ ...message, id, streamId: this.id });
    } catch (error) {
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => {
      this.#unanswered.set(id, { text, refused: false, resolve, reject });
      if (this.#state === "live") this.#streams.transmit(text);
    });
  }

  /**
   * Send a frame now, or drop it. A frame of more than 1,000,000 bytes is reported to `onProblem`.
   * @param {string} type a produced type
   * @param {Uint8Array} payload
   * @param {Record<string, unknown>} [header] more fields for the header
   * @returns {boolean} false if it was dropped: it is too large, there is no connection, or earlier frames are still
   *   unsent
   */
  sendFrame(type, payload, header = {}) {
    if (this.#state !== "live" || this.#streams.unsentBytes > MAX_UNSENT_BYTES) return false;
    let frame;
    try {
      frame = packFrame({ ...header, type, streamId: this.id }, payload);
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      this.#options.onProblem?.({ code: error.code, detail: error.message });
      return false;
    }
    this.#streams.transmit(frame);
    return true;
  }

  /** Change the types to receive. Durable messages still arrive only once. @param {string[]} types */
  consume(types) {
    this.#options = { ...this.#options, consumes: types };
    this.#streams.renew(this);
  }

  /** Leave the stream. */
  close() {
    this.#streams.unregister(this);
    this.#fail(new NetworkError("left the stream"));
  }

  // --- Called by `Streams` ---

  /** @param {string} id of the frame @returns {Record<string, unknown>} */
  registerFrame(id) {
    const { streamId, clientType = "web", produces = [], consumes = [], credit = 1, presence = false } = this.#options;
    const frame = { type: "register", id, streamId, clientType, produces, consumes, credit, presence };
    if (!consumes.length || !this.#position) return frame;
    const { epoch, seq: since } = this.#position;
    return epoch ? { ...frame, since, epoch } : { ...frame, since };
  }

  /** @param {{epoch: string, head: number}} registered */
  begin({ epoch, head }) {
    this.#position = { epoch, seq: this.#position?.seq ?? head };
    this.become("live", null);
    for (const { text } of this.#unanswered.values()) this.#streams.transmit(text);
  }

  /** @param {ConnectionState} state @param {Problem | null} problem */
  become(state, problem) {
    this.#state = state;
    this.#options.onState?.(state, problem);
    if (state === "refused" || state === "signed_out") {
      this.#fail(new SyncError(problem ?? { code: "FORBIDDEN", detail: "You do not have access to this stream." }));
    }
  }

  /** Start again without a position, because the log cannot be continued from it. */
  reset() {
    this.#position = null;
    this.#options.onReset?.();
  }

  /** @param {Record<string, any> & StreamMessage} message */
  receive(message) {
    if (message.seq !== undefined) {
      if (this.#position && message.seq <= this.#position.seq) return;
      this.#position = { epoch: this.#position?.epoch ?? "", seq: message.seq };
    }
    this.#options.onMessage?.(message);
  }

  /** @param {StreamFrame} frame @returns {Promise<void>} settles when the next frame may be sent */
  async show(frame) {
    await this.#options.onFrame?.(frame);
  }

  /** @param {string[]} types */
  keep(types) {
    this.#options.onDurableTypes?.(types);
  }

  /** @param {PresenceNews} news */
  meet(news) {
    this.#options.onPresence?.(news);
  }

  /** @param {{id: string, seq?: number}} ack */
  acknowledged({ id, seq }) {
    this.#unanswered.get(id)?.resolve(seq === undefined ? {} : { seq });
    this.#unanswered.delete(id);
  }

  /** @param {Problem & {id?: string, retryAfterMs?: number}} problem about a message or frame that was sent */
  refused(problem) {
    const waiting = this.#unanswered.get(problem.id ?? "");
    if (waiting && TEMPORARY.has(problem.code)) {
      waiting.refused = true;
      this.#againTimer ??= setTimeout(() => this.#sayAgain(), Math.max(AGAIN_MS, problem.retryAfterMs ?? 0));
    } else if (waiting) {
      this.#unanswered.delete(problem.id ?? "");
      waiting.reject(new SyncError(problem));
    } else {
      this.#options.onProblem?.(problem);
    }
  }

  #sayAgain() {
    this.#againTimer = undefined;
    for (const waiting of this.#unanswered.values()) {
      if (waiting.refused && this.#state === "live") this.#streams.transmit(waiting.text);
      waiting.refused = false;
    }
  }

  /** @param {Error} error */
  #fail(error) {
    clearTimeout(this.#againTimer);
    this.#againTimer = undefined;
    const waiting = [...this.#unanswered.values()];
    this.#unanswered.clear();
    for (const { reject } of waiting) reject(error);
  }
}
