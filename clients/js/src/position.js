/** @import { Player } from "./types.d.ts" */

/** The current track's position, advanced by a clock between the server's updates. */
export class Position {
  #now;
  /** The time, by `now`, at which the player's `position_ms` was correct. */
  #trueAt = 0;
  /** @type {number | null} */
  #stoppedAt = null;

  /** @param {() => number} now monotonic milliseconds */
  constructor(now) {
    this.#now = now;
  }

  /** Call it when the server has just sent the position. */
  heard() {
    this.#trueAt = this.#now();
    this.#stoppedAt = null;
  }

  /** Stop advancing, because without a connection it is unknown whether the track still plays. */
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
