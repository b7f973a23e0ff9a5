/** @import { Problem } from "./types.d.ts" */

/** The server answered, and refused. `code` is stable, `message` is its sentence for people. */
export class ApiError extends Error {
  /**
   * @param {number} status HTTP status
   * @param {Partial<Problem> & {errors?: Record<string, string[]>}} body
   */
  constructor(status, body) {
    super(body.detail || `The server answered ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.code = body.code || `HTTP_${status}`;
    /** Sentences by field, on a 400. */
    this.errors = body.errors ?? {};
  }

  /** Whether the same request may succeed later, unchanged. */
  get temporary() {
    return this.status === 429 || this.status >= 500;
  }
}

/** No answer at all: offline, refused, or cut off. The request may still have arrived. */
export class NetworkError extends Error {
  /** @param {unknown} [cause] */
  constructor(cause) {
    super("The server cannot be reached.", { cause });
    this.name = "NetworkError";
  }
}

/** Nobody is logged in any more, or somebody else is; only a login helps. */
export class SignedOutError extends Error {
  code = "AUTH_REQUIRED";

  /** @param {string} [detail] */
  constructor(detail = "You are signed out.") {
    super(detail);
    this.name = "SignedOutError";
  }
}

/** Whether a REST request failed by the server's word or for want of one, and not by a mistake of ours. @param {unknown} error */
export function isRequestError(error) {
  return error instanceof NetworkError || error instanceof ApiError || error instanceof SignedOutError;
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

/** An error as it crosses to another tab: structured clone would forget its class and fields. @param {any} error */
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
