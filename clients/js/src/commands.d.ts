/** The commands of guilds, written by `manage.py generate` from queue_app/commands. */

import type { Person, Player, Problem, QueueItem, SkipVote, Track } from "./types.d.ts";

export interface AddTrackArguments {
  /** a search, a link or a library uri */
  query: string;
  position?: "end" | "next" | "now" | {
    after: string;
  };
}

export interface Added {
  added: number;
  item_ids: Array<string>;
  left_out: Array<LeftOutUri>;
}

export interface LeftOutUri {
  uri: string;
  reason: string;
}

export interface AddTracksArguments {
  /** library uris and links, 1,000 at most */
  uris: Array<string>;
  position?: "end" | "next" | "now" | {
    after: string;
  };
  /** in a random order */
  shuffle?: boolean;
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
  /** The bot posts one message with the current track and buttons, and keeps it up to date. */
  show_card: boolean;
  /** Where that message is posted. */
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
  /** The bot posts one message with the current track and buttons, and keeps it up to date. */
  show_card?: boolean;
  /** Where that message is posted. */
  announce_channel_id?: string | null;
}

export interface Cleared {
  removed: number;
  /** Number of dismissed failed tracks. Absent if there were none. */
  dismissed?: number;
}

export interface ClearQueueArguments {
  /** `all`, `mine` or the id of a user */
  whose?: string;
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

export interface Redone {
  /** First seq of the change. */
  change: number;
  /** Number of tracks and values that were changed again. */
  redone: number;
  left_out: Array<LeftOutItem>;
}

export interface LeftOutItem {
  item_id: string;
  /** Such as ALREADY_PLAYED. WOULD_INTERRUPT: it is at the front. */
  reason: string;
}

export interface RedoArguments {
  /** any seq of the change; null: what you undid last, unless you changed something since */
  seq?: number | null;
}

export interface Removed {
  removed: number;
}

export interface ItemArguments {
  item_id: string;
}

export interface RemoveItemsArguments {
  /** 1,000 at most */
  item_ids: Array<string>;
}

export interface SeekArguments {
  /** position in the track; behind its end: its end */
  position_ms?: number;
  /** so much forward, or backward if negative */
  delta_ms?: number;
}

export interface SetLoopArguments {
  /** what repeats */
  loop: "off" | "track" | "queue";
}

export interface SetVolumeArguments {
  /** percent of the original loudness */
  volume: number;
}

export interface Shuffled {
  /** Number of tracks in the queue. */
  shuffled: number;
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

export interface Undone {
  /** First seq of the change. */
  change: number;
  /** Number of tracks and values that were restored. */
  undone: number;
  left_out: Array<LeftOutItem>;
}

export interface UndoArguments {
  /** any seq of the change; null: your newest change */
  seq?: number | null;
}

/** What each command takes and returns, by its name. */
export interface Commands {
  /** Put what `query` names into the queue; `now` also skips what plays. */
  AddTrack: { args: AddTrackArguments; result: QueueItem };
  /** Put several tracks into the queue, in this order; `now` also skips what plays. */
  AddTracks: { args: AddTracksArguments; result: Added };
  /** Change settings of the guild; those that are not named stay as they are. */
  ChangeSettings: { args: ChangeSettingsArguments; result: Settings };
  /** Remove every track that waits, or those of one person, and dismiss those that failed; what plays goes on. */
  ClearQueue: { args: ClearQueueArguments; result: Cleared };
  /** Send the bot into a voice channel, to play there. */
  JoinVoice: { args: JoinVoiceArguments; result: Player };
  /** Send the bot out of voice and stop; what played is kept with its position. */
  LeaveVoice: { args: Record<string, never>; result: Player };
  /** Put an item behind another one; to the front when that is null or has started meanwhile. */
  MoveItem: { args: MoveItemArguments; result: QueueItem };
  /** Pause playback. */
  Pause: { args: Record<string, never>; result: Player };
  /** Go back to the track before the current one, or start this one over once 3 seconds of it have played. */
  Previous: { args: Record<string, never>; result: Player };
  /** Do again what was undone. The events say which change they redo: `metadata.redoes` is its first seq. */
  Redo: { args: RedoArguments; result: Redone };
  /** Remove queued tracks of people who are not in the bot's voice channel. */
  RemoveAbsent: { args: Record<string, never>; result: Removed };
  /** Remove queued tracks that are in the queue already, further to the front. */
  RemoveDuplicates: { args: Record<string, never>; result: Removed };
  /** Remove an item from the queue, or one that failed from beside it. */
  RemoveItem: { args: ItemArguments; result: QueueItem };
  /** Remove several queued items: all of them, or none where one is not queued or not yours to remove. */
  RemoveItems: { args: RemoveItemsArguments; result: Removed };
  /** Start the current track over. */
  Replay: { args: Record<string, never>; result: Player };
  /** Resume playback, also after the bot left voice or Discord refused it. */
  Resume: { args: Record<string, never>; result: Player };
  /** Add the track of an item that failed, was played or skipped again, at the end. */
  RetryItem: { args: ItemArguments; result: QueueItem };
  /** Continue the current track at another position. */
  Seek: { args: SeekArguments; result: Player };
  /** Set what repeats: nothing, the current track, or the queue. A track that failed never repeats. */
  SetLoop: { args: SetLoopArguments; result: Player };
  /** Set the volume, until somebody sets another. */
  SetVolume: { args: SetVolumeArguments; result: Player };
  /** Put the queue in a random order. */
  ShuffleQueue: { args: Record<string, never>; result: Shuffled };
  /** Skip the current track, or vote to; the bot starts the next one. Voting again changes nothing. */
  Skip: { args: Record<string, never>; result: Skipped };
  /** Jump to a queued item. What it passes over is skipped, and stays in the history. */
  SkipTo: { args: ItemArguments; result: QueueItem };
  /** Stop playing: end the current track, clear the queue and leave the voice channel. */
  Stop: { args: Record<string, never>; result: Removed };
  /** Undo a change of the last 24 hours and 1,000 events: what is still possible of it. */
  Undo: { args: UndoArguments; result: Undone };
}
