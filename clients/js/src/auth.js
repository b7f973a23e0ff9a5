import { ApiError, SignedOutError, exchangeJson } from "./rest.js";

/** @import { TokenAnswer } from "./types.d.ts" */

const RENEW_BEFORE_MS = 60_000;

/**
 * Access tokens, held in memory only and renewed a minute before they end.
 *
 * The local clock is never compared with the server's: a token's life is `exp - iat`, both the
 * server's, and runs from the moment it was asked for on a clock that cannot be set.
 */
export class TokenSource {
  /** @type {() => Promise<TokenAnswer>} */
  #obtain;
  #now;
  /** @type {string | null} */
  #access = null;
  #renewAt = 0;
  /** @type {Promise<string> | null} */
  #inFlight = null;

  /**
   * @param {object} [options]
   * @param {() => Promise<TokenAnswer>} [options.obtain] asks for a new token; the default uses the
   *   browser's session cookie. It throws `SignedOutError` when only a login can help.
   * @param {() => number} [options.now] monotonic milliseconds
   */
  constructor({ obtain = fromSession(), now = () => performance.now() } = {}) {
    this.#obtain = obtain;
    this.#now = now;
  }

  /**
   * A token good for a minute or more. Calls made meanwhile share one request.
   * @returns {Promise<string>}
   * @throws {SignedOutError | import("./rest.js").ApiError | import("./rest.js").NetworkError}
   */
  async get() {
    if (this.#access !== null && this.#now() < this.#renewAt) return this.#access;
    this.#inFlight ??= this.#renew().finally(() => (this.#inFlight = null));
    return this.#inFlight;
  }

  /**
   * Forget a token the server refused. One that was replaced meanwhile is left alone.
   * @param {string} token
   */
  discard(token) {
    if (this.#access === token) this.#access = null;
  }

  async #renew() {
    const askedAt = this.#now();
    const answer = await this.#obtain();
    const lifeMs = readLifeMs(answer.access);
    this.#access = answer.access;
    // A life of a minute or less would mean a request per call: renew at its half instead.
    this.#renewAt = askedAt + Math.max(lifeMs - RENEW_BEFORE_MS, lifeMs / 2);
    return answer.access;
  }
}

/**
 * How long a JWT lives, by its own claims.
 * @param {string} jwt
 * @returns {number} milliseconds
 */
export function readLifeMs(jwt) {
  const payload = jwt.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
  const { iat, exp } = JSON.parse(atob(payload));
  return (exp - iat) * 1000;
}

/**
 * Tokens for whoever the browser's session cookie says is logged in.
 * @param {{baseUrl?: string, fetch?: typeof globalThis.fetch, csrfToken?: () => string}} [options]
 * @returns {() => Promise<TokenAnswer>}
 */
export function fromSession({ baseUrl = "", fetch, csrfToken = readCsrfCookie } = {}) {
  return async () => {
    try {
      return await exchangeJson(fetch ?? globalThis.fetch.bind(globalThis), `${baseUrl}/api/auth/token`, {
        method: "POST",
        credentials: "same-origin",
        headers: { Accept: "application/json", "X-CSRFToken": csrfToken() },
      });
    } catch (error) {
      if (error instanceof ApiError && (error.status === 401 || error.status === 403)) throw new SignedOutError();
      throw error;
    }
  };
}

/** The token Django expects back in `X-CSRFToken`; empty when its cookie is absent. */
export function readCsrfCookie() {
  const pair = document.cookie.split("; ").find((cookie) => cookie.startsWith("csrftoken="));
  return pair ? decodeURIComponent(pair.slice("csrftoken=".length)) : "";
}
