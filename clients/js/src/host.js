import { SignedOutError } from "./errors.js";
import { Line } from "./line.js";
import { Session } from "./session.js";

/**
 * @import { ChangeStorage, Cursor, NewChange, SocketLike } from "./types.d.ts"
 * @import { Message } from "./line.js"
 * @import { Timing } from "./link.js"
 *
 * @typedef {{url: string, userId: string | null}} Hello a tab's user, and the URL of `/sync`
 * @typedef {{storage: ChangeStorage, openSocket?: (url: string, protocols: string[]) => SocketLike, timing?: Timing}} HostOptions
 * @typedef {{receive: (message: Message) => void, close: () => void}} Seat
 */

/** Has what all tabs of a browser share: their connections, their token, and their outboxes. */
export class Host {
  #options;
  /** @type {Map<string, Session>} */
  #sessions = new Map();

  /** @param {HostOptions} options */
  constructor(options) {
    this.#options = options;
  }

  /**
   * Serve a tab.
   * @param {(message: Message) => void} post
   * @returns {Seat} receives the tab's messages. Close it when the tab is gone
   */
  accept(post) {
    const tab = new Tab(post, (hello) => this.#session(hello));
    return { receive: (message) => tab.receive(message), close: () => tab.close() };
  }

  /** @param {Hello} hello */
  #session(hello) {
    const key = `${hello.userId} ${hello.url}`;
    let session = this.#sessions.get(key);
    if (!session) {
      session = new Session(hello, this.#options, () => this.#sessions.delete(key));
      this.#sessions.set(key, session);
    }
    return session;
  }
}

/** One tab, as the host sees it. */
export class Tab {
  /** @type {Session | null} */
  #session = null;
  #enter;
  gone = false;

  /** @param {(message: Message) => void} post @param {(hello: Hello) => Session} enter */
  constructor(post, enter) {
    this.#enter = enter;
    this.line = new Line({
      hello: (/** @type {Hello} */ hello) => this.#hello(hello),
      follow: (/** @type {string} */ instanceId) => this.#here.instance(instanceId).follow(this),
      leave: (/** @type {string} */ instanceId) => this.#here.unfollow(instanceId, this),
      push: (/** @type {NewChange} */ change) => this.#here.instance(change.instanceId).push(change, this),
      read: (/** @type {string} */ instanceId, /** @type {number} */ seq, /** @type {Cursor} */ known) => (
        this.#here.instance(instanceId).read(seq, known)
      ),
      token: () => this.#here.token(),
      discard: (/** @type {string} */ token) => this.#here.tokens.discard(token),
      wake: () => this.#here.wake(),
      signOut: () => this.#here.signOut(new SignedOutError()),
    });
    this.line.attach(post);
  }

  /** @param {Message} message */
  receive(message) {
    if (this.gone) return;
    this.#session?.heard(this);
    void this.line.receive(message);
  }

  close() {
    this.gone = true;
    this.#session?.leave(this);
    this.line.close();
  }

  get #here() {
    if (!this.#session) throw new Error("A tab must send `hello` first.");
    return this.#session;
  }

  /** @param {Hello} hello */
  #hello(hello) {
    const session = this.#enter(hello);
    this.#session = session;
    session.enter(this);
  }
}
