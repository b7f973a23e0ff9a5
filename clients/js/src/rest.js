import { ApiError, NetworkError } from "./errors.js";

/** @import { Tokens } from "./types.d.ts" */

/**
 * One HTTP request with JSON in both directions.
 * @param {typeof globalThis.fetch} fetch
 * @param {string} url
 * @param {RequestInit} init
 * @returns {Promise<any>} the body; null when there is none
 * @throws {ApiError | NetworkError}
 */
export async function exchangeJson(fetch, url, init) {
  let response, text;
  try {
    response = await fetch(url, init);
    text = await response.text();
  } catch (error) {
    throw new NetworkError(error);
  }
  const body = parse(text);
  if (!response.ok) throw new ApiError(response.status, body ?? {});
  return body;
}

/** @param {string} text */
function parse(text) {
  if (!text) return null;
  try {
    return JSON.parse(text);
  } catch {
    // The HTML page of a proxy: the status is enough.
    return null;
  }
}

/** REST with a bearer token. After a 401, the request is repeated once with a new token. */
export class RestClient {
  /** @type {Tokens} */
  #tokens;
  #baseUrl;
  #fetch;

  /** @param {{tokens: Tokens, baseUrl?: string, fetch?: typeof globalThis.fetch}} options */
  constructor({ tokens, baseUrl = "", fetch = globalThis.fetch.bind(globalThis) }) {
    this.#tokens = tokens;
    this.#baseUrl = baseUrl;
    this.#fetch = fetch;
  }

  /** @param {string} path @param {{signal?: AbortSignal}} [options] */
  get(path, options) {
    return this.#send("GET", path, undefined, options);
  }

  /**
   * @param {string} path
   * @param {unknown} [body]
   * @param {{idempotencyKey?: string}} [options] with a key, a repeated request has no effect
   */
  post(path, body, options) {
    return this.#send("POST", path, body, options);
  }

  /**
   * @param {string} path
   * @param {unknown} body a `Blob` is sent as it is
   * @param {{headers?: Record<string, string>, signal?: AbortSignal}} [options]
   */
  patch(path, body, options) {
    return this.#send("PATCH", path, body, options);
  }

  /** @param {string} path @param {unknown} body */
  put(path, body) {
    return this.#send("PUT", path, body);
  }

  /**
   * Send a file as it is.
   * @param {string} path
   * @param {Blob} file
   * @param {{idempotencyKey?: string}} [options]
   */
  upload(path, file, options) {
    return this.#send("POST", path, file, options);
  }

  /** @param {string} path */
  delete(path) {
    return this.#send("DELETE", path);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {{idempotencyKey?: string, headers?: Record<string, string>, signal?: AbortSignal}} [options]
   * @returns {Promise<any>}
   */
  async #send(method, path, body, { idempotencyKey, headers: more, signal } = {}) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json" };
    const file = body instanceof Blob;
    if (body !== undefined) headers["Content-Type"] = file ? "application/octet-stream" : "application/json";
    Object.assign(headers, more);
    if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
    for (let attempt = 1; ; attempt++) {
      const token = await this.#tokens.get();
      headers.Authorization = `Bearer ${token}`;
      try {
        return await exchangeJson(this.#fetch, this.#baseUrl + path, {
          method,
          headers,
          signal,
          // Only the bearer token identifies the user: without cookies there is no CSRF check and no other user.
          credentials: "omit",
          body: file || body === undefined ? body : JSON.stringify(body),
        });
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 401 || attempt > 1) throw error;
        this.#tokens.discard(token);
      }
    }
  }
}
