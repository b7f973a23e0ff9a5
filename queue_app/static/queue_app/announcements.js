/** What screen readers read aloud when the queue or the player changes. */

import { titleOf } from "../backline/js/format.js";
import { gettext, interpolate } from "../backline/js/i18n.js";

/** @import { GuildSyncEvent } from "../client/types.d.ts" */

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
