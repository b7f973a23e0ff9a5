import { NetworkError, packError, unpackError } from "./errors.js";

/**
 * @typedef {{call?: number, answer?: number, method?: string, args?: any[], value?: any, error?: any}} Message
 * @typedef {Record<string, (...args: any[]) => any>} Handlers
 */

/**
 * Calls between two contexts that can post messages to each other (HTML Standard, "Cross-document
 * messaging"). Arguments and results are structured-cloned. Errors keep their class.
 */
export class Line {
  #handlers;
  /** @type {((message: Message) => void) | null} */
  #post = null;
  #nextCall = 1;
  /** @type {Map<number, {message: Message, resolve: (value: any) => void, reject: (error: Error) => void}>} */
  #calls = new Map();

  /** @param {Handlers} handlers what the other side may call */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  /**
   * Use this peer from now on. Calls without a response are repeated, so handlers must be idempotent.
   * @param {(message: Message) => void} post
   * @param {() => void} [greet] sends the messages that must come before those calls
   */
  attach(post, greet = () => {}) {
    this.#post = post;
    greet();
    for (const { message } of this.#calls.values()) post(message);
  }

  /** @param {string} method @param {...any} args @returns {Promise<any>} */
  call(method, ...args) {
    const message = { call: this.#nextCall++, method, args };
    return new Promise((resolve, reject) => {
      this.#calls.set(message.call, { message, resolve, reject });
      this.#post?.(message);
    });
  }

  /** Call without waiting for a response. @param {string} method @param {...any} args */
  notify(method, ...args) {
    this.#post?.({ method, args });
  }

  /** @param {Message} message from the peer */
  async receive({ call, answer, method, args = [], value, error }) {
    if (answer !== undefined) {
      const waiting = this.#calls.get(answer);
      this.#calls.delete(answer);
      if (error) waiting?.reject(unpackError(error));
      else waiting?.resolve(value);
      return;
    }
    const handle = this.#handlers[method ?? ""];
    if (call === undefined) {
      await handle(...args);
      return;
    }
    const post = this.#post;
    try {
      post?.({ answer: call, value: await handle(...args) });
    } catch (failure) {
      post?.({ answer: call, error: packError(failure) });
    }
  }

  /** End the line, because the peer is gone. */
  close() {
    this.#post = null;
    for (const { reject } of this.#calls.values()) reject(new NetworkError("closed"));
    this.#calls.clear();
  }
}
