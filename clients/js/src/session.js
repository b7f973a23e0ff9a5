import { TokenSource, readClaims } from "./auth.js";
import { NetworkError, SignedOutError, packError } from "./errors.js";
import { Instance } from "./instance.js";
import { MemoryStorage } from "./storage.js";

/**
 * @import { Change, TokenAnswer } from "./types.d.ts"
 * @import { Hello, HostOptions, Tab } from "./host.js"
 */

/** A tab that returns no token in this time (asleep, or unloading) is skipped. */
const OBTAIN_MS = 10_000;

/** One user's part of a host. A user's changes are never sent as another user. */
export class Session {
  /** If null, the first token sets it, and changes are stored in memory only. @type {string | null} */
  #userId;
  /** Least recently active first. @type {Set<Tab>} */
  #tabs = new Set();
  /** @type {Map<string, Instance>} */
  #instances = new Map();
  #loading;
  #onEnd;
  /** Stored changes of earlier pages, by instance. Each list is taken once. @type {Map<string, Change[]>} */
  #left = new Map();
  #signedOut = false;

  /** @param {Hello} hello @param {HostOptions} options @param {() => void} onEnd called when the last tab has left */
  constructor({ url, userId }, options, onEnd) {
    this.#onEnd = onEnd;
    this.#userId = userId;
    this.url = url;
    this.options = userId === null ? { ...options, storage: new MemoryStorage() } : options;
    this.tokens = new TokenSource({ obtain: () => this.#obtain() });
    this.#loading = this.#load();
  }

  get userId() {
    return this.#userId;
  }

  /** @param {Tab} tab */
  enter(tab) {
    this.#tabs.add(tab);
    if (!this.#signedOut) return;
    // The page may have been opened after a login.
    this.#signedOut = false;
    for (const instance of this.#instances.values()) instance.restart();
  }

  /** @param {Tab} tab */
  heard(tab) {
    this.#tabs.delete(tab);
    this.#tabs.add(tab);
  }

  /** @param {Tab} tab */
  leave(tab) {
    this.#tabs.delete(tab);
    for (const instance of this.#instances.values()) {
      if (this.#tabs.size) instance.unfollow(tab);
      else void instance.end();
    }
    if (!this.#tabs.size) this.#onEnd();
  }

  wake() {
    for (const instance of this.#instances.values()) instance.wake();
  }

  /** @returns {Promise<string>} rejects without a request if it is known that nobody is logged in */
  async token() {
    if (this.#signedOut) throw new SignedOutError();
    return this.tokens.get();
  }

  /** @param {SignedOutError} error */
  signOut(error) {
    if (this.#signedOut) return;
    this.#signedOut = true;
    this.tokens.forget();
    for (const instance of this.#instances.values()) instance.signOut(error);
  }

  /** @param {string} instanceId */
  instance(instanceId) {
    let instance = this.#instances.get(instanceId);
    if (!instance) {
      instance = new Instance(instanceId, this);
      this.#instances.set(instanceId, instance);
      if (this.#signedOut) instance.signOut(new SignedOutError());
    }
    return instance;
  }

  /** @param {string} instanceId @param {Tab} tab */
  unfollow(instanceId, tab) {
    this.#instances.get(instanceId)?.unfollow(tab);
  }

  /** @param {string} instanceId */
  forget(instanceId) {
    this.#instances.delete(instanceId);
  }

  /** @param {string} instanceId @returns {Promise<Change[]>} its stored changes of earlier pages */
  async takeLeft(instanceId) {
    await this.#loading;
    const changes = this.#left.get(instanceId) ?? [];
    this.#left.delete(instanceId);
    return changes;
  }

  /** Notify one tab that a change was refused. @param {Change} change @param {Error} error */
  refused(change, error) {
    [...this.#tabs].at(-1)?.line.notify("refused", change, packError(error));
  }

  async #load() {
    if (this.#userId === null) return;
    try {
      for (const change of await this.options.storage.load(this.#userId)) {
        const changes = this.#left.get(change.instanceId) ?? [];
        this.#left.set(change.instanceId, [...changes, change]);
      }
    } catch (error) {
      console.warn("Backline could not read stored changes:", error);
    }
    // Send the changes of instances that no tab follows, too.
    for (const instanceId of this.#left.keys()) this.instance(instanceId);
  }

  /** @returns {Promise<TokenAnswer>} from the most recently active tab that can get one */
  async #obtain() {
    /** @type {unknown} */
    let failure = new NetworkError("no tab");
    for (const tab of [...this.#tabs].reverse()) {
      try {
        const answer = await within(OBTAIN_MS, tab.line.call("obtain"));
        this.#check(readClaims(answer.access).sub);
        return answer;
      } catch (error) {
        if (error instanceof SignedOutError) this.signOut(error);
        if (!(error instanceof NetworkError)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /** @param {string} userId whose token it is */
  #check(userId) {
    this.#userId ??= userId;
    if (userId !== this.#userId) throw new SignedOutError("Someone else is logged in now.");
  }
}

/**
 * @template T
 * @param {number} ms
 * @param {Promise<T>} promise
 * @returns {Promise<T>}
 */
function within(ms, promise) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new NetworkError("no answer in time")), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
