/** What screen readers read aloud when the queue or the player changes. */

import { duration, titleOf, trackCount } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";

/** @import { GuildSyncEvent, Player } from "../client/types.d.ts" */

/** What is repeated. @type {Record<Player["loop"], string>} */
export const LOOPS = { off: gettext("The loop is off"), track: gettext("The current track repeats"), queue: gettext("The queue repeats") };

/** @param {GuildSyncEvent} event @returns {string} empty for events that are not announced */
export function announcementOf({ name, args }) {
  const title = "item" in args ? titleOf(args.item.track) : "";
  switch (name) {
    case "TrackStarted": {
      const { artist } = args.item.track;
      return interpolate(artist ? gettext("Now playing %(title)s by %(artist)s") : gettext("Now playing %(title)s"), { title, artist: artist ?? "" });
    }
    case "TrackAdded":
      return interpolate(gettext("%(title)s was added to the queue"), { title });
    case "TrackRemoved":
      if (args.why) return args.why === "cleared" ? gettext("The queue was cleared") : "";
      return interpolate(gettext("%(title)s was removed"), { title });
    case "TrackSkipped":
      return interpolate(gettext("%(title)s was skipped"), { title });
    case "TrackFailed":
      return interpolate(gettext("%(title)s could not be played. %(reason)s"), { title, reason: args.item.error?.detail ?? "" });
    case "BotInstalled":
      return gettext("The bot joined this server");
    case "BotRemoved":
      return gettext("The bot was removed from this server");
    case "TrackMoved":
      return interpolate(gettext("%(title)s was moved"), { title });
    case "TracksAdded":
      return interpolate(gettext("%(tracks)s added to the queue"), { tracks: trackCount(args.items.length) });
    case "TracksRemoved":
      return interpolate(gettext("%(tracks)s removed"), { tracks: trackCount(args.item_ids.length) });
    case "TracksSkipped":
      return interpolate(gettext("%(tracks)s skipped"), { tracks: trackCount(args.item_ids.length) });
    case "TracksMoved":
      return interpolate(gettext("%(tracks)s moved"), { tracks: trackCount(args.ranks.length) });
    case "QueueShuffled":
      return gettext("The queue was shuffled");
    case "LoopChanged":
      return LOOPS[args.player.loop];
    case "PlayerSeeked":
      return interpolate(gettext("Playback moved to %(position)s"), { position: duration(args.position_ms) });
    case "QueueCleared":
      return gettext("The queue was cleared");
    case "SkipVoted":
      return interpolate(gettext("%(votes)s of %(needed)s votes to skip"), { votes: args.votes, needed: args.needed });
    case "PlayerPaused":
      return gettext("Playback paused");
    case "PlayerResumed":
      return gettext("Playback resumed");
    default:
      return "";
  }
}
