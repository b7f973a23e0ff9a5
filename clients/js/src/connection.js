import { NetworkError, SignedOutError, SyncError } from "./errors.js";
import { newId } from "./ids.js";
import { Link } from "./link.js";

/**
 * @import { Ack, ConnectionState, Position, Problem, PushEvent, SocketLike, SyncEvent, Tokens } from "./types.d.ts"
 * @import { Timing } from "./link.js"
 *
 * @typedef {object} Push a batch without a response yet
 * @property {{type: "push", id: number, events: PushEvent[]}} frame
 * @property {boolean} reauthenticated whether it was already retried with a new token
 * @property {(ack: Ack) => void} resolve
 * @property {(error: Error) => void} reject
 *
 * @typedef {object} Read a pull up to the head
 * @property {SyncEvent[]} events
 * @property {(events: SyncEvent[]) => void} resolve
 * @property {(error: Error) => void} reject
 */

const FORBIDDEN = 4403;

/** One instance of `/sync`: its live events, reads of its past, and pushes. */
export class Connection {
  /** @type {Link} */
  #link;
  #onEvents;
  #onWritable;
  #isUser;
  #clientId = newId();
  /** @type {Position} */
  #position = { epoch: "", head: 0 };
  #nextId = 1;
  #livePull = 0;
  #inGrace = false;
  /** Whether the last refusal may have been for the cookie's user instead of the token's. */
  #doubted = false;
  /** @type {Map<number, Push>} */
  #pushes = new Map();
  /** @type {Map<number, Read>} */
  #reads = new Map();

  /**
   * @param {object} options
   * @param {string} options.url `ws://…/sync` or `wss://…/sync`
   * @param {string} options.instanceId such as `guild:1234`
   * @param {Tokens} options.tokens
   * @param {(state: ConnectionState, problem: Problem | null, position: Position) => void} options.onState
   *   `position` is the log's position when the connection became live
   * @param {(events: SyncEvent[]) => void} options.onEvents called with the events after that position
   * @param {() => void} [options.onWritable] called when the connection is live with a token that allows pushes
   * @param {(userId: string) => boolean} [options.isUser] whether this is the expected user
   * @param {(url: string, protocols: string[]) => SocketLike} [options.openSocket]
   * @param {Timing} [options.timing]
   */
  constructor({ url, instanceId, tokens, onState, onEvents, onWritable = () => {}, isUser = () => true, openSocket, timing }) {
    this.#onEvents = onEvents;
    this.#onWritable = onWritable;
    this.#isUser = isUser;
    this.#link = new Link({
      url,
      tokens,
      onOpen: (authToken) => this.#link.sendJson({
        type: "init", id: this.#nextId++, instanceId, authToken, clientId: this.#clientId,
      }),
      onMessage: (text) => this.#receive(JSON.parse(text)),
      onGone: () => this.#forget(),
      onState: (state, problem) => onState(state, problem, this.#position),
      isFinal: (code) => this.#isFinal(code),
      // With an expired token in its grace period, nothing can be pushed.
      isTokenNeeded: () => this.#inGrace || this.#pushes.size > 0,
      openSocket,
      timing,
    });
  }

  start() {
    this.#doubted = false;
    this.#link.start();
  }

  stop() {
    this.#link.stop();
  }

  /** Reconnect now instead of later. If the connection is open, check it with a ping. */
  wake() {
    this.#link.wake();
  }

  /** End the connection, because the user is no longer logged in. @param {SignedOutError} error */
  signOut(error) {
    this.#link.signOut(error);
  }

  /**
   * @param {PushEvent[]} events
   * @returns {Promise<Ack>}
   * @throws {SyncError | NetworkError} refused, or the connection was lost before the response
   */
  push(events) {
    if (this.#link.state !== "live") return Promise.reject(new NetworkError("not connected"));
    const frame = { type: /** @type {const} */ ("push"), id: this.#nextId++, events };
    return new Promise((resolve, reject) => {
      this.#pushes.set(frame.id, { frame, reauthenticated: false, resolve, reject });
      this.#link.sendJson(frame);
      this.#link.expectAnswer();
    });
  }

  /**
   * Read the events after `cursor`, up to the head.
   * @param {number} cursor
   * @param {string} epoch
   * @returns {Promise<SyncEvent[]>} ascending `seqNum`
   * @throws {SyncError | NetworkError}
   */
  read(cursor, epoch) {
    if (this.#link.state !== "live") return Promise.reject(new NetworkError("not connected"));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#reads.set(id, { events: [], resolve, reject });
      this.#link.sendJson({ type: "pull", id, cursor, epoch, live: false });
    });
  }

  /** Fail all requests, because the connection is lost. */
  #forget() {
    this.#inGrace = false;
    this.#livePull = 0;
    const unanswered = [...this.#reads.values(), ...this.#pushes.values()];
    this.#reads.clear();
    this.#pushes.clear();
    for (const { reject } of unanswered) reject(new NetworkError("connection lost"));
  }

  /** @param {any} frame */
  #receive(frame) {
    if (frame.code === "TOKEN_EXPIRING") {
      void this.#link.renew();
      return;
    }
    switch (frame.type) {
      case "ready":
        this.#begin(frame);
        break;
      case "authed":
        for (const push of this.#pushes.values()) if (push.reauthenticated) this.#link.sendJson(push.frame);
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
      this.#link.signOut(new SignedOutError("Someone else is logged in now."));
      return;
    }
    this.#doubted = false;
    this.#position = { epoch, head };
    this.#livePull = this.#nextId++;
    this.#link.sendJson({ type: "pull", id: this.#livePull, cursor: head, epoch, live: true });
    this.#inGrace = auth === "grace";
    this.#link.live();
    if (this.#inGrace) void this.#link.renew();
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
        void this.#link.renew();
        return;
      }
      this.#pushes.delete(id);
      push.reject(new SyncError(frame));
    } else if (read) {
      this.#reads.delete(id);
      read.reject(new SyncError(frame));
    } else if (id && id === this.#livePull) {
      // The log was replaced: reconnect, and the next `ready` has the new epoch.
      this.#link.retry();
    } else {
      this.#link.problem = { code: frame.code, detail: frame.detail };
    }
  }

  /**
   * Whether a refusal is final. A first FORBIDDEN before the connection is live is not: cookie and token may belong to
   * different users after another login, and a new token settles that.
   * @param {number} code
   */
  #isFinal(code) {
    const doubtful = code === FORBIDDEN && this.#link.state !== "live" && !this.#doubted;
    this.#doubted ||= doubtful;
    return !doubtful;
  }
}
