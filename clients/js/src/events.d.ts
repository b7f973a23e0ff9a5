/** The events of guilds, written by `manage.py generate` from the events.py of the apps. */

export interface TrackAdded {
  name: "TrackAdded";
  args: {
    item: QueueItem;
    after: string | null;
    retried_id?: string;
    queue_total: number;
  };
}

export interface QueueItem {
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
}

export interface Track {
  uri: string;
  title: string | null;
  artist: string | null;
  album: string | null;
  url: string | null;
  duration_ms: number | null;
  artwork_url: string | null;
  source: string;
  is_live: boolean;
}

export interface Person {
  id: string;
  username: string;
  /** The username where Discord has no display name. */
  display_name: string;
  avatar_url: string | null;
}

export interface Problem {
  code: string;
  detail: string;
}

export interface TracksAdded {
  name: "TracksAdded";
  args: {
    /** 200 at most */
    items: Array<QueueItem>;
    queue_total: number;
  };
}

export interface TrackResolved {
  name: "TrackResolved";
  args: {
    item: QueueItem;
    queue_total: number;
  };
}

export interface TrackStarted {
  name: "TrackStarted";
  args: {
    item: QueueItem;
    player: Player;
    queue_total: number;
  };
}

export interface Player {
  status: "idle" | "connecting" | "playing" | "paused" | "stopped" | "error";
  item: QueueItem | null;
  position_ms: number;
  position_at: string;
  volume: number;
  loop: "off" | "track" | "queue";
  voice_channel_id: string | null;
  error: Problem | null;
}

export interface TrackRequeued {
  name: "TrackRequeued";
  args: {
    item: QueueItem;
    player: Player;
    queue_total: number;
  };
}

export interface TrackFinished {
  name: "TrackFinished";
  args: {
    item: QueueItem;
    player: Player;
    queue_total: number;
  };
}

export interface TrackSkipped {
  name: "TrackSkipped";
  args: {
    item: QueueItem;
    player: Player;
    queue_total: number;
  };
}

export interface TrackFailed {
  name: "TrackFailed";
  args: {
    item: QueueItem;
    player: Player;
    queue_total: number;
  };
}

export interface TracksRemoved {
  name: "TracksRemoved";
  args: {
    /** 200 at most */
    item_ids: Array<string>;
    queue_total: number;
  };
}

export interface TracksSkipped {
  name: "TracksSkipped";
  args: {
    /** 200 at most */
    item_ids: Array<string>;
    queue_total: number;
  };
}

export interface TrackRemoved {
  name: "TrackRemoved";
  args: {
    item: QueueItem;
    why?: "cleared" | "retried";
    queue_total: number;
  };
}

export interface ListOpened {
  name: "ListOpened";
  args: {
    item: QueueItem;
    added: number;
    /** how many of its tracks cannot be added */
    left_out: number;
    queue_total: number;
  };
}

export interface TrackMoved {
  name: "TrackMoved";
  args: {
    item: QueueItem;
    after: string | null;
    queue_total: number;
  };
}

export interface QueueCleared {
  name: "QueueCleared";
  args: {
    /** 200 at most */
    item_ids: Array<string>;
    queue_total: number;
  };
}

export interface QueueShuffled {
  name: "QueueShuffled";
  args: {
    /** pairs of item and rank, 200 at most */
    ranks: Array<[string, number]>;
    queue_total: number;
  };
}

export interface TracksMoved {
  name: "TracksMoved";
  args: {
    /** pairs of item and rank, 200 at most */
    ranks: Array<[string, number]>;
    queue_total: number;
  };
}

export interface QueueRenumbered {
  name: "QueueRenumbered";
  args: {
    /** pairs of item and rank, ascending, 200 at most */
    ranks: Array<[string, number]>;
    queue_total: number;
  };
}

export interface QueueSaved {
  name: "QueueSaved";
  args: {
    count: number;
    deleted?: boolean;
  };
}

export interface SkipVoted {
  name: "SkipVoted";
  args: {
    item_id: string;
    votes: number;
    needed: number;
  };
}

export interface PlayerPaused {
  name: "PlayerPaused";
  args: {
    player: Player;
  };
}

export interface PlayerResumed {
  name: "PlayerResumed";
  args: {
    player: Player;
  };
}

export interface VolumeChanged {
  name: "VolumeChanged";
  args: {
    player: Player;
  };
}

export interface LoopChanged {
  name: "LoopChanged";
  args: {
    player: Player;
  };
}

export interface PlayerSeeked {
  name: "PlayerSeeked";
  args: {
    position_ms: number;
    player: Player;
  };
}

export interface VoiceJoined {
  name: "VoiceJoined";
  args: {
    player: Player;
  };
}

export interface VoiceLeft {
  name: "VoiceLeft";
  args: {
    reason?: "alone";
    player: Player;
  };
}

export interface VoiceChanged {
  name: "VoiceChanged";
  args: {
    player: Player;
  };
}

export interface PlayerErrorChanged {
  name: "PlayerErrorChanged";
  args: {
    player: Player;
  };
}

export interface GuildUpdated {
  name: "GuildUpdated";
  args: {
    guild: PublicGuild;
  };
}

export interface PublicGuild {
  id: string;
  name: string;
  icon_url: string | null;
  bot_installed: boolean;
  /** Discord has an outage for this guild. */
  unavailable: boolean;
  member_count: number | null;
}

export interface BotInstalled {
  name: "BotInstalled";
  args: {
    guild: PublicGuild;
  };
}

export interface BotRemoved {
  name: "BotRemoved";
  args: {
    guild: PublicGuild;
  };
}

export interface VoiceChannelsChanged {
  name: "VoiceChannelsChanged";
  args: {
    voice_channels: Array<VoiceChannel>;
  };
}

export interface VoiceChannel {
  id: string;
  name: string;
  stage: boolean;
}

export interface SettingsChanged {
  name: "SettingsChanged";
  args: {
    before: SomeSettings;
    after: SomeSettings;
  };
}

export interface SomeSettings {
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

export interface RightsChanged {
  name: "RightsChanged";
  args: {
    user_ids: Array<string>;
  };
}

export interface PlaylistCreated {
  name: "PlaylistCreated";
  args: {
    playlist: PlaylistSummary;
  };
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

export interface PlaylistChanged {
  name: "PlaylistChanged";
  args: {
    playlist: PlaylistSummary;
    change: "name" | "tracks" | "collaborators";
  };
}

export interface PlaylistDeleted {
  name: "PlaylistDeleted";
  args: {
    playlist: PlaylistSummary;
  };
}

export interface AlertRuleAdded {
  name: "AlertRuleAdded";
  args: {
    rule: LoggedAlertRule;
  };
}

export interface LoggedAlertRule {
  id: string;
  /** Alerts of this stream are posted. */
  stream_id: string;
  /** The text or announcement channel to post to. */
  channel_id: string;
  /** Each post mentions this role. */
  mention_role_id: string | null;
  /** Alerts below this level are not posted. */
  min_level: "low" | "medium" | "high";
  /** How many alerts a minute are posted one by one. Further alerts are combined into a digest. */
  max_per_minute: number;
  quiet_hours: QuietHours | null;
  /** If off, nothing is posted, and pending posts are deleted. */
  enabled: boolean;
}

export interface QuietHours {
  /** Time of day, such as 22:00. */
  from: string;
  /** Time of day, such as 06:00. If it is before `from`, the hours end on the next day. */
  until: string;
  /** IANA name, such as Europe/Berlin. */
  timezone: string;
}

export interface AlertRuleRemoved {
  name: "AlertRuleRemoved";
  args: {
    rule: LoggedAlertRule;
  };
}

export interface AlertRuleChanged {
  name: "AlertRuleChanged";
  args: {
    rule_id: string;
    before: SomeAlertRule;
    after: SomeAlertRule;
  };
}

export interface SomeAlertRule {
  /** Alerts of this stream are posted. */
  stream_id?: string;
  /** The text or announcement channel to post to. */
  channel_id?: string;
  /** Each post mentions this role. */
  mention_role_id?: string | null;
  /** Alerts below this level are not posted. */
  min_level?: "low" | "medium" | "high";
  /** How many alerts a minute are posted one by one. Further alerts are combined into a digest. */
  max_per_minute?: number;
  quiet_hours?: QuietHours | null;
  /** If off, nothing is posted, and pending posts are deleted. */
  enabled?: boolean;
}

/** An event of a guild. `SyncEvent` adds its other fields. */
export type GuildEvent =
  /** An item was added. A retry replaces the ended item `retried_id`. */
  | TrackAdded
  /** Several items were added, or put back by an undo. A long list is split into several of these events. */
  | TracksAdded
  /** The details of an item's track were read. */
  | TrackResolved
  /** An item became the current one. */
  | TrackStarted
  /** An item was moved back to the front of the queue. */
  | TrackRequeued
  /** The current item played to its end. */
  | TrackFinished
  /** The current item was skipped. */
  | TrackSkipped
  /** An item cannot be played. `item.error` is the reason. */
  | TrackFailed
  /** Several items were removed from the queue. A long list is split into several of these events. */
  | TracksRemoved
  /** Queued items were skipped by a jump to a later one. A long list is split into several of these events. */
  | TracksSkipped
  /** A queued or failed item was removed. */
  | TrackRemoved
  /** A queued link was a playlist, and its tracks replace it. `TracksAdded` events contain the `added` tracks. */
  | ListOpened
  /** An item was moved in the queue. */
  | TrackMoved
  /** Queued items were removed. A long queue is cleared by several of these events. */
  | QueueCleared
  /** Queued items got a new order. A long queue is shuffled by several of these events. */
  | QueueShuffled
  /** Several queued items were moved to one place, or back. Many of them are split into several of these events. */
  | TracksMoved
  /** Queued items got new ranks, to make room between them. */
  | QueueRenumbered
  /** Somebody saved the queue as a playlist, whose name may be private. `deleted`: an undo deleted it. */
  | QueueSaved
  /** The number of votes to skip the current item, or the number needed, changed. */
  | SkipVoted
  /** Somebody paused playback. */
  | PlayerPaused
  /** Somebody resumed playback, or it resumed because a track was added. */
  | PlayerResumed
  /** Somebody set the volume. */
  | VolumeChanged
  /** Somebody set what is repeated. */
  | LoopChanged
  /** Somebody moved to another position in the current track. */
  | PlayerSeeked
  /** Somebody chose the voice channel in which the bot plays. */
  | VoiceJoined
  /** The bot left voice, because it was told to or because the channel was empty. */
  | VoiceLeft
  /** The bot's voice channel or voice connection, or whether it plays, changed. */
  | VoiceChanged
  /** The player's `error` changed. */
  | PlayerErrorChanged
  /** The guild's name, icon or member count changed, or a Discord outage began or ended. */
  | GuildUpdated
  /** The bot joined the guild. */
  | BotInstalled
  /** The bot was removed from the guild. All data is kept. */
  | BotRemoved
  /** The voice channels or their visibility changed. `voice_channels` are those that every member may see. */
  | VoiceChannelsChanged
  /** A manager changed settings. Both fields contain only the settings that differ. */
  | SettingsChanged
  /** The rights of these people changed, through their roles in Discord or a new owner. */
  | RightsChanged
  /** A playlist of the guild was created, or restored after it was deleted. */
  | PlaylistCreated
  /** The name, the tracks or the collaborators of a playlist changed. */
  | PlaylistChanged
  /** A playlist of the guild was deleted. It can be restored for a day. */
  | PlaylistDeleted
  /** A manager added a rule. */
  | AlertRuleAdded
  /** A manager removed a rule. */
  | AlertRuleRemoved
  /** A manager changed a rule. `before` and `after` contain only the fields that differ. */
  | AlertRuleChanged;
