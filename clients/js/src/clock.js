/** How much worse a sample may be than the best one before it and still be believed. */
const TOLERANCE = 2;

/**
 * The server's clock, from the times in its answers to `ping`.
 *
 * As in NTP the server is taken to have answered half-way between question and answer, so the error is at most half
 * the round trip. Time runs on a clock that cannot be set.
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

  /** @returns {number} to hand to `heard` with the answer */
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

  /** @returns {number} Unix milliseconds by the server's clock; by one's own before the first answer */
  now() {
    return this.#offset === null ? Date.now() : this.#offset + this.#now();
  }
}
