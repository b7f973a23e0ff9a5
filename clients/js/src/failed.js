/** @import { GuildEvent, QueueItem } from "./events.d.ts" */

/** How long a failed item is shown (docs/protocol.md). */
const SHOWN_MS = 600_000;
/** The most failed items that a snapshot has. */
const MOST = 50;

/**
 * The failed items after an event.
 * @param {QueueItem[]} failed newest last; not modified
 * @param {GuildEvent} event
 * @returns {QueueItem[]}
 */
export function applyToFailed(failed, { name, args }) {
  switch (name) {
    case "TrackFailed":
      return [...failed.filter(({ id }) => id !== args.item.id), args.item].sort(byEnd).slice(-MOST);
    case "TrackRemoved":
    case "TrackRequeued":
      return failed.some(({ id }) => id === args.item.id) ? failed.filter(({ id }) => id !== args.item.id) : failed;
    default:
      return failed;
  }
}

/** Compare by the time of failure: undoing shows one again that failed before others. @param {QueueItem} one @param {QueueItem} other */
function byEnd(one, other) {
  return Date.parse(one.ended_at ?? "") - Date.parse(other.ended_at ?? "") || 0;
}

/** Tracks which failed items are still shown, without comparing the server's clock with the local one. */
export class FailedAges {
  #now;
  /** The time until which each is shown, in milliseconds of `now()`. @type {Map<string, number>} */
  #until = new Map();

  /** @param {() => number} now monotonic milliseconds */
  constructor(now) {
    this.#now = now;
  }

  /**
   * Take over the failed items of a snapshot.
   * @param {QueueItem[]} failed
   * @param {string | null} at the time of the snapshot, by the server's clock
   */
  adopt(failed, at) {
    this.#until.clear();
    for (const { id, ended_at: endedAt } of failed) {
      const age = at && endedAt ? Math.max(0, Date.parse(at) - Date.parse(endedAt)) : 0;
      this.#until.set(id, this.#now() + SHOWN_MS - age);
    }
  }

  /** Note an item that failed, or is shown again after a removal was undone. @param {QueueItem} item @param {number} at the event's time */
  note({ id, ended_at: endedAt }, at) {
    const age = endedAt ? Math.max(0, at - Date.parse(endedAt)) : 0;
    this.#until.set(id, this.#now() + SHOWN_MS - age);
  }

  /** @param {QueueItem[]} failed @returns {QueueItem[]} those that are still shown */
  fresh(failed) {
    const now = this.#now();
    for (const { id } of failed) if (!this.#until.has(id)) this.#until.set(id, now + SHOWN_MS);
    return failed.filter(({ id }) => now < (this.#until.get(id) ?? 0));
  }
}
