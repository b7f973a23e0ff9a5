import { ApiError, SignedOutError } from "./errors.js";
import { exchangeJson } from "./rest.js";

/** @import { TokenAnswer } from "./types.d.ts" */

const RENEW_BEFORE_MS = 60_000;
/** The channel on which a tab notifies the browser's other tabs of a logout. */
const LOGGED_OUT = "backline logged out";

/**
 * Access tokens, stored in memory only and renewed a minute before they expire.
 *
 * The local clock is never compared with the server's. A token's lifetime is `exp - iat`, both from the server,
 * and is measured from the time of the request on a monotonic clock.
 */
export class TokenSource {
  /** @type {() => Promise<TokenAnswer>} */
  #obtain;
  #now;
  /** @type {string | null} */
  #access = null;
  #renewAt = 0;
  /** Counts calls of `forget`, so that a renewal that began before one is discarded. */
  #era = 0;
  /** @type {Promise<string> | null} */
  #inFlight = null;

  /**
   * @param {object} [options]
   * @param {() => Promise<TokenAnswer>} [options.obtain] requests a new token; the default uses the
   *   browser's session cookie. It throws `SignedOutError` when the user must log in.
   * @param {() => number} [options.now] monotonic milliseconds
   */
  constructor({ obtain = fromSession(), now = () => performance.now() } = {}) {
    this.#obtain = obtain;
    this.#now = now;
  }

  /**
   * A token that is valid for about a minute or more. Concurrent calls share one request.
   * @returns {Promise<string>}
   * @throws {SignedOutError | ApiError | import("./errors.js").NetworkError}
   */
  async get() {
    if (this.#access !== null && this.#now() < this.#renewAt) return this.#access;
    if (!this.#inFlight) {
      const renewal = this.#renew().finally(() => {
        if (this.#inFlight === renewal) this.#inFlight = null;
      });
      this.#inFlight = renewal;
    }
    return this.#inFlight;
  }

  /**
   * Discard a token that the server refused. Nothing happens if it has already been replaced.
   * @param {string} token
   */
  discard(token) {
    if (this.#access === token) this.#access = null;
  }

  /** Discard the token, and the result of a request for one, because nobody is logged in any more. */
  forget() {
    this.#access = null;
    this.#inFlight = null;
    this.#era++;
  }

  async #renew() {
    const era = this.#era;
    const askedAt = this.#now();
    const answer = await this.#obtain();
    const lifeMs = readLifeMs(answer.access);
    if (era !== this.#era) throw new SignedOutError();
    this.#access = answer.access;
    // A lifetime of a minute or less would mean a request per call: renew after half of it instead.
    this.#renewAt = askedAt + Math.max(lifeMs - RENEW_BEFORE_MS, lifeMs / 2);
    return answer.access;
  }
}

/**
 * Read the claims of a JWT. They are not verified: only the server can do that.
 * @param {string} jwt
 * @returns {{sub: string, iat: number, exp: number}} seconds since 1970, by the server's clock
 */
export function readClaims(jwt) {
  return JSON.parse(atob(jwt.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
}

/**
 * The lifetime of a JWT, by its own claims.
 * @param {string} jwt
 * @returns {number} milliseconds
 */
export function readLifeMs(jwt) {
  const { iat, exp } = readClaims(jwt);
  return (exp - iat) * 1000;
}

/**
 * Return a function that requests tokens for the user of the browser's session cookie.
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

/** The token that Django expects in `X-CSRFToken`; empty when its cookie is missing. */
export function readCsrfCookie() {
  const pair = document.cookie.split("; ").find((cookie) => cookie.startsWith("csrftoken="));
  return pair ? decodeURIComponent(pair.slice("csrftoken=".length)) : "";
}

/** Notify the browser's other tabs that the user has logged out. */
export function announceLogout() {
  const channel = new BroadcastChannel(LOGGED_OUT);
  channel.postMessage(null);
  channel.close();
}

/** @param {() => void} act called when another tab has logged out @returns {() => void} stops listening */
export function onLogout(act) {
  const channel = new BroadcastChannel(LOGGED_OUT);
  channel.onmessage = act;
  return () => channel.close();
}
