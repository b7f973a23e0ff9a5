import { fromSession, onLogout } from "./auth.js";
import { unpackError } from "./errors.js";
import { Line } from "./line.js";
import { RestClient } from "./rest.js";
import { IndexedDbStorage, MemoryStorage } from "./storage.js";
import { join } from "./tabs.js";

/**
 * @import { Ack, Change, ChangeStorage, Cursor, LinkState, NewChange, SocketLike, SyncEvent, TokenAnswer, Tokens } from "./types.d.ts"
 * @import { Sharing } from "./tabs.js"
 * @import { Timing } from "./link.js"
 *
 * @typedef {object} Follower a tab's callbacks for one instance
 * @property {(link: LinkState) => void} linkChanged
 * @property {(events: SyncEvent[]) => void} arrived
 * @property {(changes: Change[], settled?: {change: Change, ack: Ack}) => void} queueChanged
 * @property {(change: Change, error: Error) => void} refused
 */

/**
 * A tab's or a process's connection to the server: REST, tokens and event logs. Tabs of one browser share one
 * connection, one token and one outbox.
 */
export class Client {
  #url;
  #userId;
  #line;
  /** @type {Map<string, Follower>} */
  #followers = new Map();
  #joined;
  #onRefused;
  /** @type {() => void} */
  #deafen = () => {};

  /**
   * @param {object} options
   * @param {string} options.baseUrl such as `https://backline.example`, without a path
   * @param {string | null} [options.userId] the user. If it is unset, the first token determines it, and changes
   *   are stored in memory only
   * @param {() => Promise<TokenAnswer>} [options.obtain] requests a new token; the default uses the
   *   browser's session cookie. It throws `SignedOutError` when the user must log in.
   * @param {ChangeStorage} [options.storage] stores the queue; the default is IndexedDB, or memory without it
   * @param {(change: Change, error: Error) => void} [options.onRefused] called when a change of an earlier page
   *   was refused and this tab does not follow its instance
   * @param {Sharing} [options.sharing] how tabs share; by default the best way that works
   * @param {URL | string} [options.workerUrl] the URL of `worker.js`, on the page's own origin
   * @param {typeof globalThis.fetch} [options.fetch]
   * @param {(url: string, protocols: string[]) => SocketLike} [options.openSocket] not with a SharedWorker
   * @param {Timing} [options.timing] not with a SharedWorker
   */
  constructor({
    baseUrl,
    userId = null,
    obtain = fromSession({ baseUrl }),
    storage,
    onRefused = () => {},
    sharing,
    workerUrl = new URL("./worker.js", import.meta.url),
    fetch,
    openSocket,
    timing,
  }) {
    this.#url = `${baseUrl.replace(/^http/, "ws")}/sync`;
    this.#userId = userId;
    this.#onRefused = onRefused;
    this.#line = new Line({
      obtain,
      linkChanged: (/** @type {string} */ id, /** @type {LinkState} */ link) => this.#followers.get(id)?.linkChanged(link),
      arrived: (/** @type {string} */ id, /** @type {SyncEvent[]} */ events) => this.#followers.get(id)?.arrived(events),
      queueChanged: (/** @type {string} */ id, /** @type {Change[]} */ changes, /** @type {any} */ settled) => (
        this.#followers.get(id)?.queueChanged(changes, settled)
      ),
      refused: (/** @type {Change} */ change, /** @type {any} */ error) => (
        (this.#followers.get(change.instanceId)?.refused ?? this.#onRefused)(change, unpackError(error))
      ),
    });
    this.rest = new RestClient({ tokens: this.tokens, baseUrl, fetch });
    this.#joined = join({
      line: this.#line,
      greet: () => this.#greet(),
      makeHost: async () => {
        const { Host } = await import("./host.js");
        storage ??= globalThis.indexedDB ? new IndexedDbStorage() : new MemoryStorage();
        return new Host({ storage, openSocket, timing });
      },
      workerUrl,
      sharing,
    });
    if (globalThis.document) this.#deafen = onLogout(() => this.#line.notify("signOut"));
  }

  /** The user passed to the constructor. */
  get userId() {
    return this.#userId;
  }

  /** @returns {Tokens} shared by all tabs, stored in memory only */
  get tokens() {
    return {
      get: () => this.#line.call("token"),
      discard: (token) => this.#line.notify("discard", token),
    };
  }

  /** Check the connection now. Call it when the network may have changed, or after the machine was asleep. */
  wake() {
    this.#line.notify("wake");
  }

  /** Call it after a login without a page load. */
  signedIn() {
    this.#greet();
  }

  /** Close the client. The queue stays stored. Does not wait for the server. */
  async close() {
    this.#deafen();
    (await this.#joined)();
    this.#line.close();
  }

  /** @param {string} instanceId @param {Follower} follower */
  follow(instanceId, follower) {
    if (this.#followers.has(instanceId)) throw new Error(`This client already follows ${instanceId}.`);
    this.#followers.set(instanceId, follower);
    this.#line.notify("follow", instanceId);
  }

  /** @param {string} instanceId */
  leave(instanceId) {
    this.#followers.delete(instanceId);
    this.#line.notify("leave", instanceId);
  }

  /** @param {NewChange} change @returns {Promise<Ack>} */
  push(change) {
    return this.#line.call("push", change);
  }

  /** @param {string} instanceId @param {number} seq @param {Cursor} known the tab's cursor @returns {Promise<SyncEvent[]>} */
  read(instanceId, seq, known) {
    return this.#line.call("read", instanceId, seq, known);
  }

  /** Send the first messages to a host: who the user is, and the instances to follow. */
  #greet() {
    this.#line.notify("hello", { url: this.#url, userId: this.#userId });
    for (const instanceId of this.#followers.keys()) this.#line.notify("follow", instanceId);
  }
}
