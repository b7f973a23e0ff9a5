import { ApiError, SignedOutError } from "./errors.js";
import { exchangeJson } from "./rest.js";

/** @import { TokenAnswer } from "./types.d.ts" */

const RENEW_BEFORE_MS = 60_000;
/** The channel on which a tab tells the others of its browser that it has logged out. */
const LOGGED_OUT = "backline logged out";

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
  /** Counts the times that all was forgotten. */
  #era = 0;
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
   * Forget a token the server refused. One that was replaced meanwhile is left alone.
   * @param {string} token
   */
  discard(token) {
    if (this.#access === token) this.#access = null;
  }

  /** Nobody is logged in any more: no token, and none that is on its way. */
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
    // A life of a minute or less would mean a request per call: renew at its half instead.
    this.#renewAt = askedAt + Math.max(lifeMs - RENEW_BEFORE_MS, lifeMs / 2);
    return answer.access;
  }
}

/**
 * What a JWT says. It is not verified: only the server can.
 * @param {string} jwt
 * @returns {{sub: string, iat: number, exp: number}} seconds since 1970, by the server's clock
 */
export function readClaims(jwt) {
  return JSON.parse(atob(jwt.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
}

/**
 * How long a JWT lives, by its own claims.
 * @param {string} jwt
 * @returns {number} milliseconds
 */
export function readLifeMs(jwt) {
  const { iat, exp } = readClaims(jwt);
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

/** Tell the browser's other tabs that nobody is logged in any more. */
export function announceLogout() {
  const channel = new BroadcastChannel(LOGGED_OUT);
  channel.postMessage(null);
  channel.close();
}

/** @param {() => void} act when another tab has logged out @returns {() => void} stops it */
export function onLogout(act) {
  const channel = new BroadcastChannel(LOGGED_OUT);
  channel.onmessage = act;
  return () => channel.close();
}
