import { ApiError, NetworkError, SignedOutError, SyncError } from "./errors.js";
import { newId } from "./ids.js";

/**
 * @import { Client } from "./client.js"
 * @import { Ack, Change, ConnectionState, Cursor, LinkState, NewChange, Problem, SyncEvent } from "./types.d.ts"
 */

const LOST_PLACE = new Set(["CURSOR_TOO_OLD", "EPOCH_MISMATCH"]);
const MAX_RESETS = 3;
const RETRY_BASE_MS = 500;
const RETRY_CAP_MS = 15_000;

/**
 * The event log of one instance, followed from a cursor.
 *
 * Every event after the cursor is delivered once and in order, across reconnects and whichever tab has the
 * connection. When the log cannot be continued from the cursor, `takeSnapshot` is called for a new one.
 */
export class EventLog {
  #client;
  #instanceId;
  #takeSnapshot;
  #onEvents;
  #onState;
  #onPending;
  #onRefused;

  /** @type {Cursor} */
  #cursor = { epoch: "", seq: 0 };
  /** @type {LinkState} */
  #link = { state: "waiting", problem: null, epoch: "", head: 0 };
  /** @type {ConnectionState} */
  #state = "waiting";
  /** @type {string | undefined} */
  #problemCode;
  /** Counts interruptions of catching up, so that an earlier round ends without effect. */
  #round = 0;
  #catchingUp = false;
  #started = false;
  /** Changes without a response, as reported by the host. @type {Change[]} */
  #waiting = [];
  /** Changes pushed here that the host has not reported yet. @type {Map<string, NewChange>} */
  #handedIn = new Map();
  /** Changes with a response whose events have not arrived, with the last seq of each. @type {Map<NewChange, number>} */
  #landing = new Map();
  /** Ids of changes whose event arrived before the response. @type {Set<string>} */
  #landed = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retryTimer;

  /**
   * @param {object} options
   * @param {Client} options.client
   * @param {string} options.instanceId such as `guild:1234` or `app:notes`
   * @param {(epoch: string) => Promise<Cursor>} options.takeSnapshot loads the current state of the log with this
   *   epoch, and returns the state's cursor
   * @param {(events: SyncEvent[]) => void} options.onEvents
   * @param {(state: ConnectionState, problem: Problem | null) => void} [options.onState]
   * @param {() => void} [options.onPending] called when `pending` has changed
   * @param {(change: Change, error: Error) => void} [options.onRefused] called when a change was refused and nobody
   *   waits for its `push` any more: it was made before a reload, or in a tab that is gone
   */
  constructor({
    client, instanceId, takeSnapshot, onEvents, onState = () => {}, onPending = () => {}, onRefused = () => {},
  }) {
    this.#client = client;
    this.#instanceId = instanceId;
    this.#takeSnapshot = takeSnapshot;
    this.#onEvents = onEvents;
    this.#onState = onState;
    this.#onPending = onPending;
    this.#onRefused = onRefused;
  }

  get state() {
    return this.#state;
  }

  /** The position of the last delivered event, or the cursor passed to `start`. */
  get cursor() {
    return { ...this.#cursor };
  }

  /** The user's changes, from all tabs, whose events have not arrived yet; oldest first. */
  get pending() {
    const waiting = [...this.#waiting, ...this.#handedIn.values()];
    return [...this.#landing.keys(), ...waiting.filter(({ eventId }) => !this.#landed.has(eventId))];
  }

  /** @param {Cursor} cursor the cursor of a snapshot; `epoch` "" if there is none yet */
  start(cursor) {
    this.#cursor = { epoch: cursor.epoch, seq: cursor.seq };
    this.#started = true;
    this.#setState("connecting");
    this.#client.follow(this.#instanceId, {
      linkChanged: (link) => this.#linkChanged(link),
      arrived: (events) => this.#arrived(events),
      queueChanged: (changes, settled) => this.#queueChanged(changes, settled),
      refused: (change, error) => this.#onRefused(change, error),
    });
  }

  /** Stop following. Pushed changes stay in the queue. */
  stop() {
    clearTimeout(this.#retryTimer);
    this.#round++;
    this.#started = false;
    this.#client.leave(this.#instanceId);
  }

  /**
   * Push one event, or a command for a guild. While offline it stays in the queue, with persistent storage also
   * across a reload. It takes effect once, however often it is sent.
   * @param {string} name
   * @param {Record<string, any>} [args]
   * @param {Record<string, any>} [note] stored with the change but not sent: what to show while it is pending
   * @returns {Promise<Ack>} resolves when the server has the change, however long that takes
   * @throws {SyncError} refused
   */
  async push(name, args = {}, note = {}) {
    const eventId = newId();
    const change = { eventId, instanceId: this.#instanceId, name, args, note, clientTimestamp: Date.now() };
    this.#handedIn.set(eventId, change);
    this.#onPending();
    try {
      return await this.#client.push(change);
    } finally {
      if (this.#handedIn.delete(eventId)) this.#onPending();
    }
  }

  /**
   * Read the events after `seq`, up to the head, which is at or after the cursor. Needs a live connection.
   * @param {number} seq
   * @returns {Promise<SyncEvent[]>} ascending `seqNum`
   * @throws {SyncError | NetworkError}
   */
  read(seq) {
    return this.#client.read(this.#instanceId, seq, this.#cursor);
  }

  /** @param {LinkState} link */
  #linkChanged(link) {
    if (!this.#started) return;
    clearTimeout(this.#retryTimer);
    this.#round++;
    this.#catchingUp = false;
    this.#link = link;
    if (link.state === "live") this.#catchUp();
    else this.#setState(link.state, link.problem);
  }

  /** @param {SyncEvent[]} events in order */
  #arrived(events) {
    this.#link.head = Math.max(this.#link.head, events[events.length - 1].seqNum);
    // While catching up, these are read with the rest.
    if (this.#link.state === "live" && !this.#catchingUp && !this.#advance(events)) this.#catchUp();
  }

  /**
   * Deliver the events that follow the cursor.
   * @param {SyncEvent[]} events
   * @returns {boolean} false if events before them are missing
   */
  #advance(events) {
    const fresh = [];
    let whole = true;
    for (const event of events) {
      if (event.seqNum <= this.#cursor.seq) continue;
      whole = event.parentSeqNum === this.#cursor.seq;
      if (!whole) break;
      this.#cursor.seq = event.seqNum;
      fresh.push(event);
    }
    if (fresh.length) {
      this.#land(fresh);
      this.#onEvents(fresh);
    }
    return whole;
  }

  /** Read from the cursor to the head. If the log cannot be continued from the cursor, load a snapshot first. */
  async #catchUp(failures = 0) {
    const round = ++this.#round;
    this.#catchingUp = true;
    if (this.#cursor.seq < this.#link.head || this.#cursor.epoch !== this.#link.epoch) this.#setState("connecting");
    let lost = this.#cursor.epoch !== this.#link.epoch || this.#cursor.seq > this.#link.head;
    try {
      for (let resets = 0; lost || this.#cursor.seq < this.#link.head; ) {
        if (lost) {
          if (++resets > MAX_RESETS) throw new NetworkError("the log changed again during each snapshot");
          const { epoch, seq } = await this.#takeSnapshot(this.#link.epoch);
          if (round !== this.#round) return;
          this.#cursor = { epoch, seq };
          this.#forgetLanded();
        }
        lost = await this.#readOn(round);
        if (round !== this.#round) return;
      }
      this.#catchingUp = false;
      this.#setState("live");
    } catch (error) {
      if (round === this.#round) this.#failed(error, failures);
    }
  }

  /** @param {number} round @returns {Promise<boolean>} whether the log cannot be continued from the cursor */
  async #readOn(round) {
    if (this.#cursor.epoch !== this.#link.epoch) return true;
    if (this.#cursor.seq >= this.#link.head) return false;
    const before = this.#cursor.seq;
    try {
      const events = await this.read(before);
      if (round === this.#round) this.#advance(events);
    } catch (error) {
      if (error instanceof SyncError && LOST_PLACE.has(error.code)) return true;
      throw error;
    }
    return this.#cursor.seq === before;
  }

  /** @param {unknown} error @param {number} failures in a row */
  #failed(error, failures) {
    this.#catchingUp = false;
    if (error instanceof SignedOutError) {
      this.#setState("signed_out", { code: error.code, detail: error.message });
    } else if (error instanceof ApiError && !error.temporary) {
      this.#setState("refused", { code: error.code, detail: error.message });
    } else if (error instanceof NetworkError || error instanceof ApiError || error instanceof SyncError) {
      this.#setState("waiting");
      const ceiling = Math.min(RETRY_CAP_MS, RETRY_BASE_MS * 2 ** failures);
      this.#retryTimer = setTimeout(() => this.#catchUp(failures + 1), Math.random() * ceiling);
    } else {
      throw error;
    }
  }

  /** @param {Change[]} changes @param {{change: Change, ack: Ack}} [settled] */
  #queueChanged(changes, settled) {
    this.#waiting = changes;
    for (const { eventId } of changes) this.#handedIn.delete(eventId);
    if (settled) this.#handedIn.delete(settled.change.eventId);
    if (settled && !this.#landed.has(settled.change.eventId)) {
      const last = Math.max(0, ...settled.ack.seqNums);
      if (last > this.#cursor.seq) this.#landing.set(settled.change, last);
    }
    for (const id of this.#landed) {
      if (!this.#handedIn.has(id) && !changes.some(({ eventId }) => eventId === id)) this.#landed.delete(id);
    }
    this.#onPending();
  }

  /** @param {SyncEvent[]} events whose effects are no longer pending */
  #land(events) {
    for (const { eventId } of events) {
      if (this.#handedIn.has(eventId) || this.#waiting.some((change) => change.eventId === eventId)) this.#landed.add(eventId);
      for (const change of this.#landing.keys()) if (change.eventId === eventId) this.#landing.delete(change);
    }
    this.#forgetLanded();
  }

  #forgetLanded() {
    for (const [change, seq] of this.#landing) if (seq <= this.#cursor.seq) this.#landing.delete(change);
  }

  /** @param {ConnectionState} state @param {Problem | null} [problem] */
  #setState(state, problem = null) {
    if (state === this.#state && problem?.code === this.#problemCode) return;
    this.#state = state;
    this.#problemCode = problem?.code;
    this.#onState(state, problem);
  }
}
