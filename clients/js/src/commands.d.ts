/** The commands of guilds, written by `manage.py generate` from queue_app/commands. */

import type { Person, Player, Problem, QueueItem, SkipVote, Track } from "./types.d.ts";

export interface AddTrackArguments {
  /** a search, a link or a library URI */
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
  reason: "NOTHING_FOUND" | "FORBIDDEN" | "QUEUE_FULL" | "QUEUE_CAP_REACHED";
}

export interface AddTracksArguments {
  /** instead of `uris`: the URI of an album, an artist, a folder or a playlist, or `favorites:` */
  from?: string;
  /** library URIs and links, 1,000 at most */
  uris?: Array<string>;
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
  /** The current track is shown under the name of the voice channel. The bot needs the permission Set Voice Channel Status for this. */
  channel_status: boolean;
  /** The bot posts one message with the current track and buttons, and keeps it up to date. */
  show_card: boolean;
  /** Where that message is posted. */
  announce_channel_id: string | null;
  /** Every message in this channel is a request: words to search, links, or audio files. The bot queues it and removes the message. The message with the current track is posted here too. */
  request_channel_id: string | null;
  /** The language of messages that everyone can see. People get their own replies in their language. */
  language: "discord" | "en" | "de";
  /** Settings whose role or channel was deleted. They count as not set. */
  gone: Array<string>;
  /** A sentence for each setting that cannot work at the moment, by its name. */
  problems: Record<string, any>;
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
  /** The current track is shown under the name of the voice channel. The bot needs the permission Set Voice Channel Status for this. */
  channel_status?: boolean;
  /** The bot posts one message with the current track and buttons, and keeps it up to date. */
  show_card?: boolean;
  /** Where that message is posted. */
  announce_channel_id?: string | null;
  /** Every message in this channel is a request: words to search, links, or audio files. The bot queues it and removes the message. The message with the current track is posted here too. */
  request_channel_id?: string | null;
  /** The language of messages that everyone can see. People get their own replies in their language. */
  language?: "discord" | "en" | "de";
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
  /** the item that it should follow, or null for the front */
  after: string | null;
}

export interface Moved {
  /** 0 if they are already there. */
  moved: number;
}

export interface MoveItemsArguments {
  /** 1,000 at most */
  item_ids: Array<string>;
  /** the item that they should follow, or null for the front; without it, the end */
  after?: string | null;
}

export interface Redone {
  /** First seq of the change. */
  change: number;
  /** Number of tracks and values that were changed again. */
  redone: number;
  left_out: Array<LeftOutItem>;
}

export interface LeftOutItem {
  /** Of a setting, its name. */
  item_id: string;
  /** WOULD_INTERRUPT means that the item is at the front of the queue instead. */
  reason: "ALREADY_QUEUED" | "ALREADY_PLAYED" | "ALREADY_REMOVED" | "ALREADY_FAILED" | "GONE" | "QUEUE_FULL" | "WOULD_INTERRUPT" | "CHANGED_SINCE";
}

export interface RedoArguments {
  /** any seq of the change, or null for the change that you undid last, unless you made another one since */
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

export interface QueueSaved {
  playlist: PlaylistSummary;
  /** Number of tracks. */
  saved: number;
}

export interface PlaylistSummary {
  id: string;
  /** Pass it as `from` of AddTracks to add the whole playlist. */
  uri: string;
  name: string;
  /** Null for a person's playlist. */
  guild_id: string | null;
  /** Number of entries. */
  length: number;
}

export interface SaveQueueArguments {
  /** the name of the new playlist */
  name: string;
  /** as a playlist of the server instead of one of your own */
  shared?: boolean;
}

export interface SeekArguments {
  /** position in the track, or its end if that is earlier */
  position_ms?: number;
  /** how far forward, or backward if negative */
  delta_ms?: number;
}

export interface SetLoopArguments {
  /** what is repeated */
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

export interface SkipArguments {
  /** the current item; if another one plays now, nothing is skipped */
  item_id?: string;
}

export interface Undone {
  /** First seq of the change. */
  change: number;
  /** Number of tracks and values that were restored. */
  undone: number;
  left_out: Array<LeftOutItem>;
}

export interface UndoArguments {
  /** any seq of the change, or null for your newest change */
  seq?: number | null;
}

/** What each command takes and returns, by its name. */
export interface Commands {
  /** Add the track that `query` names to the queue. `now` also skips the current track. */
  AddTrack: { args: AddTrackArguments; result: QueueItem };
  /** Add several tracks, or a whole album, artist, folder or playlist. `now` also skips the current track. */
  AddTracks: { args: AddTracksArguments; result: Added };
  /** Change some of the guild's settings. */
  ChangeSettings: { args: ChangeSettingsArguments; result: Settings };
  /** Clear the queue, or remove one person's tracks, and dismiss failed tracks. The current track continues. */
  ClearQueue: { args: ClearQueueArguments; result: Cleared };
  /** Move the bot to a voice channel. */
  JoinVoice: { args: JoinVoiceArguments; result: Player };
  /** Leave the voice channel and stop. The current track and its position are kept. */
  LeaveVoice: { args: Record<string, never>; result: Player };
  /** Move an item after another one, or to the front if `after` is null or has started. */
  MoveItem: { args: MoveItemArguments; result: QueueItem };
  /** Move several items to one place, in their order. Moves none if one of them is no longer queued. */
  MoveItems: { args: MoveItemsArguments; result: Moved };
  /** Pause playback. */
  Pause: { args: Record<string, never>; result: Player };
  /** Go back to the previous track, or start the current one over if more than 3 seconds of it have played. */
  Previous: { args: Record<string, never>; result: Player };
  /** Redo a change that was undone. In the events, `metadata.redoes` is the first seq of that change. */
  Redo: { args: RedoArguments; result: Redone };
  /** Remove queued tracks of people who are not in the bot's voice channel. */
  RemoveAbsent: { args: Record<string, never>; result: Removed };
  /** Remove queued tracks that are also queued further to the front. */
  RemoveDuplicates: { args: Record<string, never>; result: Removed };
  /** Remove a queued or failed item. */
  RemoveItem: { args: ItemArguments; result: QueueItem };
  /** Remove several queued items. Removes none if one of them is not queued or you may not remove it. */
  RemoveItems: { args: RemoveItemsArguments; result: Removed };
  /** Start the current track over. */
  Replay: { args: Record<string, never>; result: Player };
  /** Resume playback, also after the bot left voice or Discord refused the voice connection. */
  Resume: { args: Record<string, never>; result: Player };
  /** Add the track of a failed, played or skipped item to the end of the queue again. */
  RetryItem: { args: ItemArguments; result: QueueItem };
  /** Save the current track and the queue as a new playlist. */
  SaveQueue: { args: SaveQueueArguments; result: QueueSaved };
  /** Continue the current track at another position. */
  Seek: { args: SeekArguments; result: Player };
  /** Set what is repeated: nothing, the current track, or the queue. Failed tracks are never repeated. */
  SetLoop: { args: SetLoopArguments; result: Player };
  /** Set the volume. */
  SetVolume: { args: SetVolumeArguments; result: Player };
  /** Put the queue in a random order. */
  ShuffleQueue: { args: Record<string, never>; result: Shuffled };
  /** Skip the current track, or vote to skip it. A second vote has no effect. */
  Skip: { args: SkipArguments; result: Skipped };
  /** Jump to a queued item. The current track and the items in between are skipped, and stay in the history. */
  SkipTo: { args: ItemArguments; result: QueueItem };
  /** Stop playback: skip the current track, clear the queue and leave the voice channel. */
  Stop: { args: Record<string, never>; result: Removed };
  /** Undo a change of the last 24 hours and the last 1,000 events, as far as this is still possible. */
  Undo: { args: UndoArguments; result: Undone };
}
