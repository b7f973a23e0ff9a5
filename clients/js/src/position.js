/** @import { Player } from "./types.d.ts" */

/** Where the current track is, between one word of the server's and the next. */
export class Position {
  #now;
  /** When the player's `position_ms` was true. */
  #trueAt = 0;
  /** @type {number | null} */
  #stoppedAt = null;

  /** @param {() => number} now monotonic milliseconds */
  constructor(now) {
    this.#now = now;
  }

  /** The server has just said where the track is. */
  heard() {
    this.#trueAt = this.#now();
    this.#stoppedAt = null;
  }

  /** Nothing is heard of the server any more, so nobody knows whether the track goes on. */
  stop() {
    this.#stoppedAt ??= this.#now();
  }

  go() {
    this.#stoppedAt = null;
  }

  /** @param {Player | null} player @returns {number} milliseconds; 0 without a current track */
  of(player) {
    if (!player?.item) return 0;
    const moved = player.status === "playing" ? (this.#stoppedAt ?? this.#now()) - this.#trueAt : 0;
    return Math.min(player.position_ms + Math.max(0, moved), player.item.track.duration_ms ?? Infinity);
  }
}
