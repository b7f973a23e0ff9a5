/** @import { GuildEvent, QueueItem } from "./events.d.ts" */

/** So long a failed item is shown (docs/protocol.md). */
const SHOWN_MS = 600_000;
/** So many a snapshot has at most. */
const MOST = 50;

/**
 * The failed items after an event.
 * @param {QueueItem[]} failed newest last; left as they are
 * @param {GuildEvent} event
 * @returns {QueueItem[]}
 */
export function applyToFailed(failed, { name, args }) {
  switch (name) {
    case "TrackFailed":
      return [...failed.filter(({ id }) => id !== args.item.id), args.item].slice(-MOST);
    case "TrackRemoved":
    case "TrackRequeued":
      return failed.some(({ id }) => id === args.item.id) ? failed.filter(({ id }) => id !== args.item.id) : failed;
    default:
      return failed;
  }
}

/** Tells which failed items are still shown. The server's clock and this machine's are never compared. */
export class FailedAges {
  #now;
  /** When each is shown no longer, in `now()` milliseconds. @type {Map<string, number>} */
  #until = new Map();

  /** @param {() => number} now monotonic milliseconds */
  constructor(now) {
    this.#now = now;
  }

  /**
   * Those of a snapshot.
   * @param {QueueItem[]} failed
   * @param {string | null} at the moment of the snapshot, by the server's clock
   */
  adopt(failed, at) {
    this.#until.clear();
    for (const { id, ended_at: endedAt } of failed) {
      const age = at && endedAt ? Math.max(0, Date.parse(at) - Date.parse(endedAt)) : 0;
      this.#until.set(id, this.#now() + SHOWN_MS - age);
    }
  }

  /** @param {QueueItem[]} failed @returns {QueueItem[]} those that are still shown */
  fresh(failed) {
    const now = this.#now();
    for (const { id } of failed) if (!this.#until.has(id)) this.#until.set(id, now + SHOWN_MS);
    return failed.filter(({ id }) => now < (this.#until.get(id) ?? 0));
  }
}
