import { finished, settled } from "./storage.js";

/**
 * @import { GuildState } from "./guild-events.js"
 * @import { Rights } from "./types.d.ts"
 *
 * @typedef {object} Kept the state of a guild as it was last seen
 * @property {GuildState} state
 * @property {Rights | null} can
 * @property {number} at milliseconds since 1970, by this device's clock
 *
 * @typedef {object} Snapshots keeps the last state of each guild, to show it before there is a connection
 * @property {(guildId: string) => Promise<Kept | null>} load
 * @property {(guildId: string, kept: Kept) => Promise<void>} save
 */

const DATABASE = "backline-snapshots";
const SNAPSHOTS = "snapshots";

/** @type {Promise<IDBDatabase> | null} */
let opening = null;

/** Keeps snapshots of one user across page loads. @implements {Snapshots} */
export class IndexedDbSnapshots {
  #userId;

  /** @param {string} userId */
  constructor(userId) {
    this.#userId = userId;
  }

  /** @param {string} guildId @returns {Promise<Kept | null>} */
  async load(guildId) {
    const snapshots = (await open()).transaction(SNAPSHOTS).objectStore(SNAPSHOTS);
    return (await settled(snapshots.get([this.#userId, guildId]))) ?? null;
  }

  /** @param {string} guildId @param {Kept} kept */
  async save(guildId, kept) {
    const transaction = (await open()).transaction(SNAPSHOTS, "readwrite");
    transaction.objectStore(SNAPSHOTS).put(kept, [this.#userId, guildId]);
    await finished(transaction);
  }
}

/** Forget the snapshots of all users, because somebody has logged out. */
export async function clearSnapshots() {
  try {
    const transaction = (await open()).transaction(SNAPSHOTS, "readwrite");
    transaction.objectStore(SNAPSHOTS).clear();
    await finished(transaction);
  } catch {
    // The browser blocks storage, so there are none.
  }
}

function open() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(SNAPSHOTS);
    request.onsuccess = () => {
      // A later version of this client wants to upgrade the database, which needs this connection closed.
      request.result.onversionchange = () => {
        request.result.close();
        opening = null;
      };
      resolve(request.result);
    };
    request.onerror = () => {
      opening = null;
      reject(request.error);
    };
  });
  return opening;
}
