/** The commands of guilds, written by `manage.py generate` from queue_app/commands. */

import type { Person, Player, Problem, QueueItem, SkipVote, Track } from "./types.d.ts";

export interface AddTrackArguments {
  /** a search, a link or a library uri */
  query: string;
  position?: "end" | "next" | "now";
}

export interface Settings {
  /** DJs skip at once, remove other people's tracks, and control the player from anywhere. People who manage the server are always DJs. */
  dj_role_id: string | null;
  /** Who may add tracks to the queue. */
  may_add: "everyone" | "dj" | "managers";
  /** Everyone: listeners vote, and DJs skip at once. You can always skip your own track. */
  may_skip: "everyone" | "dj" | "managers";
  /** The share of listeners who must vote to skip. */
  vote_share: number;
  /** Who may move tracks, and add tracks ahead of other people's tracks. */
  may_move: "everyone" | "dj" | "managers";
  /** Who may remove all tracks from the queue. */
  may_clear: "everyone" | "dj" | "managers";
  /** The queue alternates between people, so that nobody waits for a whole album. While this is on, only DJs may change the order. */
  fair_order: boolean;
  /** The most tracks that one person may have in the queue. DJs have no limit. */
  max_per_person: number | null;
  /** Only tracks from these sources can be added. */
  allowed_sources: Array<string> | null;
  /** The bot plays here when neither the bot nor the requester is in a voice channel. */
  voice_channel_id: string | null;
  /** The volume until someone changes it. */
  default_volume: number;
  /** If off, the bot leaves an empty channel after a while. The queue is kept. */
  stay_in_channel: boolean;
  /** How long the bot waits in an empty channel. */
  leave_after_minutes: number;
  /** A text or announcement channel for the bot's announcements. The bot does not post there yet, so the page does not show this setting. */
  announce_channel_id: string | null;
  /** Settings whose role or channel was deleted. They count as not set. */
  gone: Array<string>;
}

export interface ChangeSettingsArguments {
  /** DJs skip at once, remove other people's tracks, and control the player from anywhere. People who manage the server are always DJs. */
  dj_role_id?: string | null;
  /** Who may add tracks to the queue. */
  may_add?: "everyone" | "dj" | "managers";
  /** Everyone: listeners vote, and DJs skip at once. You can always skip your own track. */
  may_skip?: "everyone" | "dj" | "managers";
  /** The share of listeners who must vote to skip. */
  vote_share?: number;
  /** Who may move tracks, and add tracks ahead of other people's tracks. */
  may_move?: "everyone" | "dj" | "managers";
  /** Who may remove all tracks from the queue. */
  may_clear?: "everyone" | "dj" | "managers";
  /** The queue alternates between people, so that nobody waits for a whole album. While this is on, only DJs may change the order. */
  fair_order?: boolean;
  /** The most tracks that one person may have in the queue. DJs have no limit. */
  max_per_person?: number | null;
  /** Only tracks from these sources can be added. */
  allowed_sources?: Array<string> | null;
  /** The bot plays here when neither the bot nor the requester is in a voice channel. */
  voice_channel_id?: string | null;
  /** The volume until someone changes it. */
  default_volume?: number;
  /** If off, the bot leaves an empty channel after a while. The queue is kept. */
  stay_in_channel?: boolean;
  /** How long the bot waits in an empty channel. */
  leave_after_minutes?: number;
  /** A text or announcement channel for the bot's announcements. The bot does not post there yet, so the page does not show this setting. */
  announce_channel_id?: string | null;
}

export interface Cleared {
  removed: number;
  /** Number of dismissed failed tracks. Absent if there were none. */
  dismissed?: number;
}

export interface JoinVoiceArguments {
  /** a voice or stage channel */
  channel_id: string;
}

export interface MoveItemArguments {
  item_id: string;
  /** the item that it should follow; null: the front */
  after: string | null;
}

export interface ItemArguments {
  item_id: string;
}

export interface SetVolumeArguments {
  /** percent of the original loudness */
  volume: number;
}

export interface Skipped {
  id: string;
  track: Track;
  requested_by: Person | null;
  state: "queued" | "playing" | "played" | "skipped" | "removed" | "failed";
  /** Sort key of queued items. */
  rank: number;
  added_at: string;
  started_at: string | null;
  ended_at: string | null;
  error: Problem | null;
  /** Null if the track was skipped. */
  vote: SkipVote | null;
}

/** What each command takes and returns, by its name. */
export interface Commands {
  /** Put what `query` names into the queue; `now` also skips what plays. */
  AddTrack: { args: AddTrackArguments; result: QueueItem };
  /** Change settings of the guild; those that are not named stay as they are. */
  ChangeSettings: { args: ChangeSettingsArguments; result: Settings };
  /** Remove every track that waits, and dismiss those that failed; what plays goes on. */
  ClearQueue: { args: Record<string, never>; result: Cleared };
  /** Send the bot into a voice channel, to play there. */
  JoinVoice: { args: JoinVoiceArguments; result: Player };
  /** Send the bot out of voice and stop; what played is kept with its position. */
  LeaveVoice: { args: Record<string, never>; result: Player };
  /** Put an item behind another one; to the front when that is null or has started meanwhile. */
  MoveItem: { args: MoveItemArguments; result: QueueItem };
  /** Pause playback. */
  Pause: { args: Record<string, never>; result: Player };
  /** Remove an item from the queue, or one that failed from beside it. */
  RemoveItem: { args: ItemArguments; result: QueueItem };
  /** Resume playback, also after the bot left voice or Discord refused it. */
  Resume: { args: Record<string, never>; result: Player };
  /** Add the track of an item that failed, was played or skipped again, at the end. */
  RetryItem: { args: ItemArguments; result: QueueItem };
  /** Set the volume, until somebody sets another. */
  SetVolume: { args: SetVolumeArguments; result: Player };
  /** Skip the current track, or vote to; the bot starts the next one. Voting again changes nothing. */
  Skip: { args: Record<string, never>; result: Skipped };
}
