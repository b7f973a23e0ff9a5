/**
 * Storage for changes without a response from the server. A change contains what to push and its user, but
 * never a token.
 * @import { Change, ChangeStorage } from "./types.d.ts"
 */

const DATABASE = "backline";
const CHANGES = "changes";

/** Keeps changes until the process ends. @implements {ChangeStorage} */
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

/** Keeps changes across page loads, restarts of the browser and crashes. @implements {ChangeStorage} */
export class IndexedDbStorage {
  /** @type {Promise<IDBDatabase> | null} */
  #opening = null;

  /** @param {string} userId */
  async load(userId) {
    const changes = (await this.#open()).transaction(CHANGES).objectStore(CHANGES).index("userId");
    // Records with the same index value come in the order of their keys, the order in which they were added.
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
        // A later version of this client wants to upgrade the database, which needs this connection closed.
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
export function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {IDBTransaction} transaction @returns {Promise<void>} resolves when it is complete */
export function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}
