/**
 * @import { GuildState } from "./guild-events.js"
 * @import { Kept, Snapshots } from "./snapshots.js"
 * @import { Rights } from "./types.d.ts"
 */

const PAUSE_MS = 2_000;
const ROWS = 200;

/** Saves the last state of a guild some time after it has changed. Without storage, or when it is full, nothing is kept. */
export class Keeper {
  #guildId;
  #snapshots;
  #read;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} guildId @param {Snapshots | null} snapshots @param {() => Kept | null} read returns the state */
  constructor(guildId, snapshots, read) {
    this.#guildId = guildId;
    this.#snapshots = snapshots;
    this.#read = read;
  }

  changed() {
    if (this.#snapshots) this.#timer ??= setTimeout(() => this.#save(), PAUSE_MS);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** @returns {Promise<Kept | null>} */
  async load() {
    try {
      return (await this.#snapshots?.load(this.#guildId)) ?? null;
    } catch {
      return null; // the browser blocks storage
    }
  }

  async #save() {
    this.#timer = undefined;
    const kept = this.#read();
    if (!kept) return;
    try {
      await this.#snapshots?.save(this.#guildId, kept);
    } catch {
      // Storage is full or blocked: the page opens without the last state.
    }
  }
}

/**
 * What is kept of a state: the beginning of its queue. The rest is loaded with the next snapshot.
 * @param {GuildState} state
 * @param {Rights | null} can
 * @param {number} positionMs
 * @returns {Kept}
 */
export function keptOf(state, can, positionMs) {
  const player = { ...state.player, position_ms: positionMs };
  return { state: { ...state, queue: state.queue.slice(0, ROWS), next: null, player }, can, at: Date.now() };
}
