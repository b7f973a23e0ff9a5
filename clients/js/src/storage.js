/**
 * Where changes wait that the server has not answered. A change holds what to push and whose it is, and
 * never a token.
 * @import { Change, ChangeStorage } from "./types.d.ts"
 */

const DATABASE = "backline";
const CHANGES = "changes";

/** Changes for as long as this process lives. @implements {ChangeStorage} */
export class MemoryStorage {
  /** @type {Change[]} */
  #changes = [];

  /** @param {string} userId */
  async load(userId) {
    return this.#changes.filter((change) => change.userId === userId);
  }

  /** @param {Change} change */
  async add(change) {
    if (!this.#changes.some(({ eventId }) => eventId === change.eventId)) this.#changes.push(change);
  }

  /** @param {string} eventId */
  async remove(eventId) {
    this.#changes = this.#changes.filter((change) => change.eventId !== eventId);
  }
}

/** Changes that outlive the page, the browser and a crash. @implements {ChangeStorage} */
export class IndexedDbStorage {
  /** @type {Promise<IDBDatabase> | null} */
  #opening = null;

  /** @param {string} userId */
  async load(userId) {
    const changes = (await this.#open()).transaction(CHANGES).objectStore(CHANGES).index("userId");
    // Within one value of an index, records come in the order of their keys: as they were added.
    return settled(changes.getAll(userId));
  }

  /** @param {Change} change */
  async add(change) {
    const transaction = (await this.#open()).transaction(CHANGES, "readwrite", { durability: "strict" });
    const changes = transaction.objectStore(CHANGES);
    const known = changes.index("eventId").count(change.eventId);
    known.onsuccess = () => {
      if (!known.result) changes.add(change);
    };
    await finished(transaction);
  }

  /** @param {string} eventId */
  async remove(eventId) {
    const transaction = (await this.#open()).transaction(CHANGES, "readwrite");
    const changes = transaction.objectStore(CHANGES);
    const key = changes.index("eventId").getKey(eventId);
    key.onsuccess = () => {
      if (key.result !== undefined) changes.delete(key.result);
    };
    await finished(transaction);
  }

  #open() {
    this.#opening ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(DATABASE, 1);
      request.onupgradeneeded = () => {
        const changes = request.result.createObjectStore(CHANGES, { autoIncrement: true });
        changes.createIndex("eventId", "eventId", { unique: true });
        changes.createIndex("userId", "userId");
      };
      request.onsuccess = () => {
        // A later version of this client wants to change the tables: make way.
        request.result.onversionchange = () => {
          request.result.close();
          this.#opening = null;
        };
        resolve(request.result);
      };
      request.onerror = () => {
        this.#opening = null;
        reject(request.error);
      };
    });
    return this.#opening;
  }
}

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {IDBTransaction} transaction @returns {Promise<void>} once it is on disk */
function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}
