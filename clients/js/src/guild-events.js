import { applyToFailed } from "./failed.js";
import { applyToQueue } from "./queue.js";

/**
 * @import { GuildEvent } from "./events.d.ts"
 * @import { Guild, Player, QueueItem, SkipVote, VoiceChannel } from "./types.d.ts"
 *
 * @typedef {object} GuildState the part of a guild's state that events change
 * @property {Guild} guild
 * @property {VoiceChannel[]} voice_channels
 * @property {QueueItem[]} queue
 * @property {number} [queue_total]
 * @property {string | null} [next]
 * @property {QueueItem[]} [failed]
 * @property {Player} player
 * @property {SkipVote | null} skip_vote
 */

/**
 * The state after an event (docs/protocol.md). Unknown events change nothing.
 * @template {GuildState} S
 * @param {S} state not modified
 * @param {GuildEvent} event
 * @returns {S}
 */
export function applyEvent(state, event) {
  const { failed: before = [] } = state;
  const failed = applyToFailed(before, event);
  const changed = applyArgs(applyToQueue(state, event), event);
  const next = failed === before ? changed : { ...changed, failed };
  // A vote is about the current track, so it ends with it.
  return next.player.item?.id === state.player.item?.id ? next : { ...next, skip_vote: null };
}

/**
 * @template {GuildState} S
 * @param {S} state
 * @param {GuildEvent} event
 * @returns {S}
 */
function applyArgs(state, event) {
  switch (event.name) {
    case "TrackResolved": {
      const { item } = event.args;
      return state.player.item?.id === item.id ? { ...state, player: { ...state.player, item } } : state;
    }
    case "GuildUpdated":
    case "BotInstalled":
    case "BotRemoved":
      return { ...state, guild: { ...state.guild, ...event.args.guild } };
    case "VoiceChannelsChanged":
      return { ...state, voice_channels: event.args.voice_channels };
    case "SkipVoted": {
      const { votes, needed } = event.args;
      return { ...state, skip_vote: votes ? { votes, needed } : null };
    }
    case "TrackRequeued":
    case "TrackStarted":
    case "TrackFinished":
    case "TrackSkipped":
    case "TrackFailed":
    case "VolumeChanged":
    case "LoopChanged":
    case "PlayerSeeked":
    case "PlayerPaused":
    case "PlayerResumed":
    case "VoiceJoined":
    case "VoiceLeft":
    case "VoiceChanged":
    case "PlayerErrorChanged":
      return { ...state, player: event.args.player };
    default:
      return state;
  }
}
