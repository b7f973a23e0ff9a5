import { movesEnd, withPage } from "./queue.js";

/**
 * @import { QueuePart } from "./queue.js"
 * @import { GuildSyncEvent, QueuePage } from "./types.d.ts"
 */

/** Loads the rest of a long queue page by page, while its events keep arriving. */
export class QueuePages {
  #read;
  /** The page that is loading, and the events since. @type {{page: QueuePage | null, events: GuildSyncEvent[]} | null} */
  #more = null;

  /** @param {(after: string, limit: number) => Promise<QueuePage>} read */
  constructor(read) {
    this.#read = read;
  }

  get loading() {
    return this.#more !== null;
  }

  /** Load the page after `next`. @param {string} next @param {number} limit of its tracks */
  async load(next, limit) {
    const more = (this.#more = { page: /** @type {QueuePage | null} */ (null), events: [] });
    try {
      more.page = await this.#read(next, limit);
    } finally {
      if (!more.page && this.#more === more) this.#more = null;
    }
  }

  /** @param {GuildSyncEvent[]} events that have just been applied */
  note(events) {
    this.#more?.events.push(...events);
  }

  /** Forget the page that is loading, because the queue was replaced. */
  drop() {
    this.#more = null;
  }

  /**
   * The state with the loaded page, as soon as all earlier events have arrived.
   * @template {QueuePart} S
   * @param {S} state
   * @param {{epoch: string, seq: number}} cursor of the state
   * @returns {S}
   */
  addTo(state, { epoch, seq }) {
    if (!this.#more?.page) return state;
    const { page, events } = this.#more;
    if (page.epoch === epoch && page.seq > seq) return state; // these events have not arrived yet
    this.#more = null;
    // If ranks have changed meanwhile, the page may not begin where the rows end.
    if (page.epoch !== epoch || events.some(movesEnd)) return state;
    return withPage(state, page, events.filter(({ seqNum }) => seqNum > page.seq));
  }
}
