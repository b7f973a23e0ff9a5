/** @import { Problem } from "./types.d.ts" */

/** The server refused a request. `code` is stable, `message` is the server's sentence for people. */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status
   * @param {Partial<Problem> & {errors?: Record<string, string[]>}} body
   */
  constructor(status, body) {
    super(body.detail || `The server answered with status ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.code = body.code || `HTTP_${status}`;
    /** On a 400: lists of sentences by field. */
    this.errors = body.errors ?? {};
  }

  /** Whether the same request may succeed later, unchanged. */
  get temporary() {
    return this.status === 429 || this.status >= 500;
  }
}

/** There was no response: offline, connection refused or lost. The request may still have arrived. */
export class NetworkError extends Error {
  /** @param {unknown} [cause] */
  constructor(cause) {
    super("The server cannot be reached.", { cause });
    this.name = "NetworkError";
  }
}

/** Nobody is logged in any more, or another user is. The user must log in. */
export class SignedOutError extends Error {
  code = "AUTH_REQUIRED";

  /** @param {string} [detail] */
  constructor(detail = "You are logged out.") {
    super(detail);
    this.name = "SignedOutError";
  }
}

/** Whether a REST request failed because of the server, the network or the session, not because of a bug. @param {unknown} error */
export function isRequestError(error) {
  return error instanceof NetworkError || error instanceof ApiError || error instanceof SignedOutError;
}

/** The result of a REST request, or null if it failed as above. @template T @param {Promise<T>} request @returns {Promise<T | null>} */
export async function unlessFailed(request) {
  try {
    return await request;
  } catch (error) {
    if (isRequestError(error)) return null;
    throw error;
  }
}

/** The server refused a frame of `/sync` or a message of `/ws`. */
export class SyncError extends Error {
  /** @param {Partial<Problem> & {head?: number, retryAfterMs?: number}} problem */
  constructor({ code = "INTERNAL_ERROR", detail = "", head, retryAfterMs }) {
    super(detail || code);
    this.name = "SyncError";
    this.code = code;
    this.head = head;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether the same frame may succeed later, unchanged. */
  get temporary() {
    return ["RATE_LIMITED", "UNAVAILABLE", "INTERNAL_ERROR"].includes(this.code);
  }
}

/** An error as a plain object, to post to another tab: a structured clone loses its class and fields. @param {any} error */
export function packError({ name, message, code, status, errors, head, retryAfterMs }) {
  return { name, message, code, status, errors, head, retryAfterMs };
}

/** @param {ReturnType<typeof packError>} packed @returns {Error} */
export function unpackError({ name, message: detail, code, status, errors, head, retryAfterMs }) {
  switch (name) {
    case "ApiError":
      return new ApiError(status, { code, detail, errors });
    case "SignedOutError":
      return new SignedOutError(detail);
    case "SyncError":
      return new SyncError({ code, detail, head, retryAfterMs });
    case "NetworkError":
      return new NetworkError(detail);
    default:
      return new Error(detail);
  }
}
