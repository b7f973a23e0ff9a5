import { NetworkError, SignedOutError, SyncError } from "./errors.js";
import { newId } from "./ids.js";
import { Link } from "./link.js";

/**
 * @import { Ack, ConnectionState, Position, Problem, PushEvent, SocketLike, SyncEvent, Tokens } from "./types.d.ts"
 * @import { Timing } from "./link.js"
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
  /** Whether the last refusal may have been meant for the cookie's user instead of the token's. */
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
   *   `position` is where the log stood when this became live
   * @param {(events: SyncEvent[]) => void} options.onEvents those after that position, as they happen
   * @param {() => void} [options.onWritable] live, with a token that is good for pushes
   * @param {(userId: string) => boolean} [options.isUser] whether this is whom the server should see
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
      onOpen: (authToken) => this.#link.say({
        type: "init", id: this.#nextId++, instanceId, authToken, clientId: this.#clientId,
      }),
      onMessage: (text) => this.#receive(JSON.parse(text)),
      onGone: () => this.#forget(),
      onState: (state, problem) => onState(state, problem, this.#position),
      isFinal: (code) => this.#isFinal(code),
      // In grace nothing can be pushed.
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

  /** Try now what would be tried later; on an open connection, check that it still lives. */
  wake() {
    this.#link.wake();
  }

  /** Nobody is logged in any more. @param {SignedOutError} error */
  signOut(error) {
    this.#link.signOut(error);
  }

  /**
   * @param {PushEvent[]} events
   * @returns {Promise<Ack>}
   * @throws {SyncError | NetworkError} refused; or the answer is lost with the connection
   */
  push(events) {
    if (this.#link.state !== "live") return Promise.reject(new NetworkError("not connected"));
    const frame = { type: /** @type {const} */ ("push"), id: this.#nextId++, events };
    return new Promise((resolve, reject) => {
      this.#pushes.set(frame.id, { frame, reauthenticated: false, resolve, reject });
      this.#link.say(frame);
      this.#link.expectAnswer();
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
    if (this.#link.state !== "live") return Promise.reject(new NetworkError("not connected"));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#reads.set(id, { events: [], resolve, reject });
      this.#link.say({ type: "pull", id, cursor, epoch, live: false });
    });
  }

  /** The connection is gone, and with it every answer. */
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
        for (const push of this.#pushes.values()) if (push.reauthenticated) this.#link.say(push.frame);
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
      this.#link.signOut(new SignedOutError("Somebody else is logged in here now."));
      return;
    }
    this.#doubted = false;
    this.#position = { epoch, head };
    this.#livePull = this.#nextId++;
    this.#link.say({ type: "pull", id: this.#livePull, cursor: head, epoch, live: true });
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
      // The log was replaced under us: the next `ready` says by which.
      this.#link.retry();
    } else {
      this.#link.problem = { code: frame.code, detail: frame.detail };
    }
  }

  /**
   * Refused at the door, perhaps somebody else has logged in here, and cookie and token disagree: a new token tells.
   * @param {number} code
   */
  #isFinal(code) {
    const doubtful = code === FORBIDDEN && this.#link.state !== "live" && !this.#doubted;
    this.#doubted ||= doubtful;
    return !doubtful;
  }
}
