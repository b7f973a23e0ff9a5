import { Position } from "./position.js";

/**
 * @import { Player } from "./types.d.ts"
 *
 * @typedef {object} Prediction
 * @property {(player: Player) => Player} change
 * @property {Position | null} position the clock since the position was predicted; null if it was not
 * @property {number} seq of the event that confirms it; infinite until the server has responded
 */

/** Commands for the player that were sent, as if they had already been executed. Each ends with its event, or when it is refused. */
export class Predictions {
  #now;
  /** Oldest first. @type {Prediction[]} */
  #open = [];

  /** @param {() => number} now monotonic milliseconds */
  constructor(now) {
    this.#now = now;
  }

  /** @param {Player | null} player @returns {Player | null} the player with the predicted changes */
  apply(player) {
    return player && this.#open.reduce((changed, { change }) => change(changed), player);
  }

  /** The clock of the newest predicted position. @returns {Position | null} */
  get position() {
    return this.#open.findLast(({ position }) => position !== null)?.position ?? null;
  }

  /**
   * @param {(player: Player) => Player} change
   * @param {{moves?: boolean}} [options] `moves`: it sets the position
   * @returns {Prediction}
   */
  add(change, { moves = false } = {}) {
    const position = moves ? new Position(this.#now) : null;
    position?.heard();
    const prediction = { change, position, seq: Infinity };
    this.#open.push(prediction);
    return prediction;
  }

  /** End those whose events have arrived. @param {number} seq of the newest known event */
  end(seq) {
    this.#open = this.#open.filter((prediction) => prediction.seq > seq);
  }
}
