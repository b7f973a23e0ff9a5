/** The player's past, from the log's events: when its state began, who caused it, where it last played. */

import { isMe } from "../backline/js/format.js";
import { gettext } from "../backline/js/i18n.js";

/**
 * @import { GuildSyncEvent, Player } from "../client/types.d.ts"
 *
 * @typedef {{seq: number, code: string, channelId: string | null, at: number, name: string | null}} Moment
 */

const KEPT = 100;

export class PlayerPast {
  /** Ascending `seq`. @type {Moment[]} */
  #moments = [];

  /** @param {GuildSyncEvent[]} events in any order; known ones are skipped */
  add(events) {
    const known = new Set(this.#moments.map(({ seq }) => seq));
    for (const { args, seqNum: seq, metadata } of events) {
      if (!("player" in args) || known.has(seq)) continue;
      const code = codeOf(args.player);
      this.#moments.push({ seq, code, channelId: args.player.voice_channel_id, at: metadata.timestamp, name: actorOf(metadata) });
    }
    this.#moments.sort((one, other) => one.seq - other.seq).splice(0, this.#moments.length - KEPT);
  }

  /**
   * When the player's present state began, and who caused it.
   * @param {Player} player
   * @returns {{at: number, name: string | null} | null} null if it began before the known events
   */
  causeOf(player) {
    const code = codeOf(player);
    const before = this.#moments.findLastIndex((moment) => moment.code !== code);
    return before < 0 ? null : this.#moments[before + 1] ?? null;
  }

  /** @returns {string | null} the channel that the player was last in */
  get channelId() {
    return this.#moments.findLast(({ channelId }) => channelId !== null)?.channelId ?? null;
  }
}

/** @param {Player} player */
function codeOf({ error, status }) {
  return error?.code ?? status;
}

/** @param {GuildSyncEvent["metadata"]} metadata */
function actorOf({ userId, username, displayName }) {
  if (!userId) return null;
  return isMe({ id: userId }) ? gettext("you") : displayName || username || null;
}
