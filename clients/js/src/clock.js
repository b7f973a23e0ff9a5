/** A sample is used if its round trip is at most this many times the shortest one so far. */
const TOLERANCE = 2;

/**
 * The server's clock, estimated from the times in its responses to `ping`.
 *
 * As in NTP, the response's time is assumed to be halfway between request and response, so the error is at most half
 * the round trip. Between responses, time advances by a monotonic clock.
 */
export class ServerClock {
  /** @type {number | null} */
  #offset = null;
  #best = Infinity;
  #now;

  /** @param {() => number} [now] monotonic milliseconds */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** @returns {number} the time of the request, to pass to `heard` with the response */
  ask() {
    return this.#now();
  }

  /** @param {number} askedAt @param {number} timestamp the server's, Unix milliseconds */
  heard(askedAt, timestamp) {
    const now = this.#now();
    const roundTrip = now - askedAt;
    if (roundTrip > this.#best * TOLERANCE) return;
    this.#best = Math.min(this.#best, roundTrip);
    this.#offset = timestamp - (now + askedAt) / 2;
  }

  /** @returns {number} Unix milliseconds by the server's clock; by the local clock before the first response */
  now() {
    return this.#offset === null ? Date.now() : this.#offset + this.#now();
  }
}
