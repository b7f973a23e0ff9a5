import { NetworkError, SyncError } from "./errors.js";

/**
 * @import { Ack, Change, ChangeStorage, PushEvent } from "./types.d.ts"
 *
 * @typedef {object} Waiting
 * @property {Change} change
 * @property {number} bytes
 * @property {Promise<void>} stored
 * @property {((ack: Ack) => void)[]} resolve one for each call of `add`; none when it was loaded from storage
 * @property {((error: Error) => void)[]} reject
 */

/** The server accepts 900,000 bytes and 100 events per message; the limits here leave room for the rest of it. */
const MAX_BYTES = 800_000;
const MAX_BATCH = 50;
/** After this many failures in the server, a change counts as refused, so that it does not block the others. */
const MAX_FAILURES = 5;
const RETRY_BASE_MS = 1_000;

/**
 * One user's pending commands and events (`Change`) for one instance, pushed in the order they were made.
 *
 * The next batch is sent after the response to the last. A change whose response was lost is sent again with
 * the same `eventId`, and the server ignores duplicates. Only a response removes a change.
 */
export class Outbox {
  #storage;
  #send;
  #onChanged;
  #onRefused;
  /** @type {Waiting[]} */
  #waiting = [];
  #open = false;
  /** Counts calls of `open`: a batch that fails with its connection must not close the next one. */
  #opening = 0;
  #draining = false;
  #failures = 0;
  /** How many changes to send one by one, to find the one because of which their batch was refused. */
  #singly = 0;
  /** @type {(() => void) | null} ends the pause after a failure in the server */
  #endPause = null;

  /**
   * @param {object} options
   * @param {ChangeStorage} options.storage
   * @param {Change[]} [options.changes] the changes loaded from it, oldest first
   * @param {(events: PushEvent[]) => Promise<Ack>} options.send throws NetworkError when the connection is lost
   * @param {(settled?: {change: Change, ack: Ack}) => void} [options.onChanged]
   * @param {(change: Change, error: Error) => void} [options.onRefused] called for a change that nobody waits for
   */
  constructor({ storage, changes = [], send, onChanged = () => {}, onRefused = () => {} }) {
    this.#storage = storage;
    this.#send = send;
    this.#onChanged = onChanged;
    this.#onRefused = onRefused;
    const stored = Promise.resolve();
    this.#waiting = changes.map((change) => ({ change, bytes: sizeOf(change), stored, resolve: [], reject: [] }));
  }

  /** The changes without a response, oldest first. */
  get changes() {
    return this.#waiting.map(({ change }) => change);
  }

  /**
   * Add a change. If it is already in the queue (by `eventId`), only wait for it.
   * @param {Change} change
   * @returns {Promise<Ack>} resolves when the server has the change, however long that takes
   * @throws {SyncError} refused, and removed from the queue
   */
  add(change) {
    const bytes = sizeOf(change);
    if (bytes > MAX_BYTES) {
      return Promise.reject(new SyncError({ code: "TOO_LARGE", detail: "This change is too large to send." }));
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

  /** Start sending: there is a connection, and its token is valid. */
  open() {
    this.#open = true;
    this.#opening++;
    this.#endPause?.();
    this.#drain();
  }

  /** Stop sending. A batch without a response fails with its connection and is sent again later. */
  close() {
    this.#open = false;
    this.#endPause?.();
  }

  /** Refuse all changes, because the server does not accept any. @param {Error} error */
  refuseAll(error) {
    for (const waiting of [...this.#waiting]) this.#refuse(waiting, error);
  }

  /** @param {Change} change */
  async #store(change) {
    try {
      await this.#storage.add(change);
    } catch (error) {
      // A full disk or a private window. The change is sent anyway, and lost only if the page closes first.
      console.warn("Backline could not store a change and keeps it in memory:", error);
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
    // If a crash or a full disk prevents the removal, the change is sent once more and gets the same response.
    this.#storage.remove(waiting.change.eventId).catch((error) => console.warn("Backline could not delete a sent change from storage:", error));
  }
}

/** @param {Change} change @returns {number} bytes, as UTF-8 */
function sizeOf({ args }) {
  return new TextEncoder().encode(JSON.stringify(args)).length;
}
