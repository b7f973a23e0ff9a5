import { unlessFailed } from "./errors.js";

/**
 * @import { GuildEvent } from "./events.d.ts"
 * @import { Snapshot } from "./types.d.ts"
 */

/** Whether an event may change what the user may do or see. @param {GuildEvent} event @param {string | null} userId null if unknown */
export function changesRights({ name, args }, userId) {
  return name === "SettingsChanged" || name === "VoiceChannelsChanged" || (name === "RightsChanged" && (userId === null || args.user_ids.includes(userId)));
}

/** Reads what the user may do and see. It differs between users, so events do not include it. */
export class RightsReader {
  #read;
  /** The number of started reads. */
  #reads = 0;
  /** Whether the newest read failed, so that what is known may be out of date. */
  old = false;

  /** @param {() => Promise<Snapshot>} read */
  constructor(read) {
    this.#read = read;
  }

  /** @returns {Promise<Snapshot | null>} null if it failed for now, or if a newer read has started */
  async read() {
    const read = ++this.#reads;
    this.old = false;
    const snapshot = await unlessFailed(this.#read());
    if (read !== this.#reads) return null;
    this.old = snapshot === null;
    return snapshot;
  }
}
