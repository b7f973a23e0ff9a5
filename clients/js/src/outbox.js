import { NetworkError, SyncError } from "./errors.js";

/**
 * @import { Ack, Change, ChangeStorage, PushEvent } from "./types.d.ts"
 *
 * @typedef {object} Waiting
 * @property {Change} change
 * @property {number} bytes
 * @property {Promise<void>} stored
 * @property {((ack: Ack) => void)[]} resolve one for each time it was handed in; none when it was loaded
 * @property {((error: Error) => void)[]} reject
 */

/** The server takes 900,000 bytes and 100 events a message; what is around the events needs some too. */
const MAX_BYTES = 800_000;
const MAX_BATCH = 50;
/** After so many failures of the server's own, a change counts as refused: it must not block what follows. */
const MAX_FAILURES = 5;
const RETRY_BASE_MS = 1_000;

/**
 * One person's changes to one instance, pushed in the order they were made.
 *
 * The next batch is sent when the last is answered. A change whose answer was lost is sent again with
 * the same `eventId`, for which the server does nothing twice. Only an answer takes a change out.
 */
export class Outbox {
  #storage;
  #send;
  #onChanged;
  #onRefused;
  /** @type {Waiting[]} */
  #waiting = [];
  #open = false;
  /** Counts openings: a batch that fails with its connection must not close the next one. */
  #opening = 0;
  #draining = false;
  #failures = 0;
  /** So many changes are sent one by one, to find the one for which their batch was refused. */
  #singly = 0;
  /** @type {(() => void) | null} ends the pause after a failure of the server's */
  #endPause = null;

  /**
   * @param {object} options
   * @param {ChangeStorage} options.storage
   * @param {Change[]} [options.changes] loaded from it, oldest first
   * @param {(events: PushEvent[]) => Promise<Ack>} options.send throws NetworkError with the connection
   * @param {(settled?: {change: Change, ack: Ack}) => void} [options.onChanged]
   * @param {(change: Change, error: Error) => void} [options.onRefused] one that nobody waits for
   */
  constructor({ storage, changes = [], send, onChanged = () => {}, onRefused = () => {} }) {
    this.#storage = storage;
    this.#send = send;
    this.#onChanged = onChanged;
    this.#onRefused = onRefused;
    const stored = Promise.resolve();
    this.#waiting = changes.map((change) => ({ change, bytes: sizeOf(change), stored, resolve: [], reject: [] }));
  }

  /** What has no answer yet, oldest first. */
  get changes() {
    return this.#waiting.map(({ change }) => change);
  }

  /**
   * Take a change in. The same one again (by `eventId`) is waited for, not added.
   * @param {Change} change
   * @returns {Promise<Ack>} once the server has it, however long that takes
   * @throws {SyncError} refused, and out of the queue
   */
  add(change) {
    const bytes = sizeOf(change);
    if (bytes > MAX_BYTES) {
      return Promise.reject(new SyncError({ code: "TOO_LARGE", detail: "This change is too large to be sent." }));
    }
    return new Promise((resolve, reject) => {
      const known = this.#waiting.find((other) => other.change.eventId === change.eventId);
      if (known) {
        known.resolve.push(resolve);
        known.reject.push(reject);
        return;
      }
      this.#waiting.push({ change, bytes, stored: this.#store(change), resolve: [resolve], reject: [reject] });
      this.#onChanged();
      this.#drain();
    });
  }

  /** There is a connection, and its token is good. */
  open() {
    this.#open = true;
    this.#opening++;
    this.#endPause?.();
    this.#drain();
  }

  /** What is on its way fails with its connection and is sent again. */
  close() {
    this.#open = false;
    this.#endPause?.();
  }

  /** The server will take none of these. @param {Error} error */
  refuseAll(error) {
    for (const waiting of [...this.#waiting]) this.#refuse(waiting, error);
  }

  /** @param {Change} change */
  async #store(change) {
    try {
      await this.#storage.add(change);
    } catch (error) {
      // A full disk or a private window: it is sent all the same, and lost only with this page.
      console.warn("Backline keeps a change in memory only:", error);
    }
  }

  async #drain() {
    if (this.#draining) return;
    this.#draining = true;
    while (this.#open && this.#waiting.length) {
      const batch = this.#nextBatch();
      await Promise.all(batch.map(({ stored }) => stored));
      if (this.#open) await this.#sendBatch(batch);
    }
    this.#draining = false;
  }

  #nextBatch() {
    const most = this.#singly > 0 ? 1 : MAX_BATCH;
    let bytes = 0;
    const fits = this.#waiting.findIndex((waiting, place) => {
      bytes += waiting.bytes;
      return place > 0 && (place >= most || bytes > MAX_BYTES);
    });
    return this.#waiting.slice(0, fits < 0 ? undefined : fits);
  }

  /** @param {Waiting[]} batch */
  async #sendBatch(batch) {
    const opening = this.#opening;
    try {
      const ack = await this.#send(batch.map(({ change: { eventId, name, args, clientTimestamp } }) => (
        { eventId, name, args, clientTimestamp }
      )));
      this.#failures = 0;
      this.#singly = Math.max(0, this.#singly - 1);
      for (const waiting of batch) this.#settle(waiting, ack);
    } catch (error) {
      if (error instanceof NetworkError) {
        if (opening === this.#opening) this.#open = false;
      } else if (error instanceof SyncError && error.temporary && ++this.#failures < MAX_FAILURES) {
        await this.#pause(error.retryAfterMs ?? RETRY_BASE_MS * 2 ** (this.#failures - 1));
      } else if (batch.length > 1) {
        this.#singly = batch.length;
        this.#failures = 0;
      } else {
        this.#failures = 0;
        this.#singly = Math.max(0, this.#singly - 1);
        this.#refuse(batch[0], /** @type {Error} */ (error));
      }
    }
  }

  /** @param {number} ms */
  #pause(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endPause?.(), ms);
      this.#endPause = () => {
        this.#endPause = null;
        clearTimeout(timer);
        resolve(undefined);
      };
    });
  }

  /** @param {Waiting} waiting @param {Ack} ack */
  #settle(waiting, ack) {
    if (!this.#waiting.includes(waiting)) return;
    this.#takeOut(waiting);
    this.#onChanged({ change: waiting.change, ack });
    for (const resolve of waiting.resolve) resolve(ack);
  }

  /** @param {Waiting} waiting @param {Error} error */
  #refuse(waiting, error) {
    this.#takeOut(waiting);
    this.#onChanged();
    for (const reject of waiting.reject) reject(error);
    if (!waiting.reject.length) this.#onRefused(waiting.change, error);
  }

  /** @param {Waiting} waiting */
  #takeOut(waiting) {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    // Left behind by a crash or a full disk, it is sent once more and answered as before.
    this.#storage.remove(waiting.change.eventId).catch((error) => console.warn("Backline could not tidy up:", error));
  }
}

/** @param {Change} change @returns {number} bytes, as UTF-8 */
function sizeOf({ args }) {
  return new TextEncoder().encode(JSON.stringify(args)).length;
}
