"""The `args` of the events of guilds, by the events' names. Written by `manage.py generate`."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class Track(TypedDict):
    uri: str
    title: str | None
    artist: str | None
    album: str | None
    url: str | None
    duration_ms: int | None
    artwork_url: str | None
    source: str
    is_live: bool


class Person(TypedDict):
    id: str
    username: str
    # The username where Discord has no display name.
    display_name: str
    avatar_url: str | None


class Problem(TypedDict):
    code: str
    detail: str


class QueueItem(TypedDict):
    id: str
    track: Track
    requested_by: Person | None
    state: Literal["queued", "playing", "played", "skipped", "removed", "failed"]
    # Sort key of queued items.
    rank: int
    added_at: str
    started_at: str | None
    ended_at: str | None
    error: Problem | None


class TrackAdded(TypedDict):
    """An item was added. A retry replaces the ended item `retried_id`."""

    item: QueueItem
    after: str | None
    retried_id: NotRequired[str]
    queue_total: int


class TracksAdded(TypedDict):
    """Several items were added, or put back by an undo. A long list is split into several of these events."""

    # 200 at most
    items: list[QueueItem]
    queue_total: int


class TrackResolved(TypedDict):
    """The details of an item's track were read."""

    item: QueueItem
    queue_total: int


class Player(TypedDict):
    status: Literal["idle", "connecting", "playing", "paused", "stopped", "error"]
    item: QueueItem | None
    position_ms: int
    position_at: str
    volume: int
    loop: Literal["off", "track", "queue"]
    voice_channel_id: str | None
    error: Problem | None


class TrackStarted(TypedDict):
    """An item became the current one."""

    item: QueueItem
    player: Player
    queue_total: int


class TrackRequeued(TypedDict):
    """An item was moved back to the front of the queue."""

    item: QueueItem
    player: Player
    queue_total: int


class TrackFinished(TypedDict):
    """The current item played to its end."""

    item: QueueItem
    player: Player
    queue_total: int


class TrackSkipped(TypedDict):
    """The current item was skipped."""

    item: QueueItem
    player: Player
    queue_total: int


class TrackFailed(TypedDict):
    """An item cannot be played. `item.error` is the reason."""

    item: QueueItem
    player: Player
    queue_total: int


class TracksRemoved(TypedDict):
    """Several items were removed from the queue. A long list is split into several of these events."""

    # 200 at most
    item_ids: list[str]
    queue_total: int


class TracksSkipped(TypedDict):
    """Queued items were skipped by a jump to a later one. A long list is split into several of these
    events."""

    # 200 at most
    item_ids: list[str]
    queue_total: int


class TrackRemoved(TypedDict):
    """A queued or failed item was removed."""

    item: QueueItem
    why: NotRequired[Literal["cleared", "retried"]]
    queue_total: int


class ListOpened(TypedDict):
    """A queued link was a playlist, and its tracks replace it. `TracksAdded` events contain the `added`
    tracks."""

    item: QueueItem
    added: int
    # how many of its tracks cannot be added
    left_out: int
    queue_total: int


class TrackMoved(TypedDict):
    """An item was moved in the queue."""

    item: QueueItem
    after: str | None
    queue_total: int


class QueueCleared(TypedDict):
    """Queued items were removed. A long queue is cleared by several of these events."""

    # 200 at most
    item_ids: list[str]
    queue_total: int


class QueueShuffled(TypedDict):
    """Queued items got a new order. A long queue is shuffled by several of these events."""

    # pairs of item and rank, 200 at most
    ranks: list[tuple[str, int]]
    queue_total: int


class TracksMoved(TypedDict):
    """Several queued items were moved to one place, or back. Many of them are split into several of these
    events."""

    # pairs of item and rank, 200 at most
    ranks: list[tuple[str, int]]
    queue_total: int


class QueueRenumbered(TypedDict):
    """Queued items got new ranks, to make room between them."""

    # pairs of item and rank, ascending, 200 at most
    ranks: list[tuple[str, int]]
    queue_total: int


class QueueSaved(TypedDict):
    """Somebody saved the queue as a playlist, whose name may be private. `deleted`: an undo deleted it."""

    count: int
    deleted: NotRequired[bool]


class SkipVoted(TypedDict):
    """The number of votes to skip the current item, or the number needed, changed."""

    item_id: str
    votes: int
    needed: int


class PlayerPaused(TypedDict):
    """Somebody paused playback."""

    player: Player


class PlayerResumed(TypedDict):
    """Somebody resumed playback, or it resumed because a track was added."""

    player: Player


class VolumeChanged(TypedDict):
    """Somebody set the volume."""

    player: Player


class LoopChanged(TypedDict):
    """Somebody set what is repeated."""

    player: Player


class PlayerSeeked(TypedDict):
    """Somebody moved to another position in the current track."""

    position_ms: int
    player: Player


class VoiceJoined(TypedDict):
    """Somebody chose the voice channel in which the bot plays."""

    player: Player


class VoiceLeft(TypedDict):
    """The bot left voice, because it was told to or because the channel was empty."""

    reason: NotRequired[Literal["alone"]]
    player: Player


class VoiceChanged(TypedDict):
    """The bot's voice channel or voice connection, or whether it plays, changed."""

    player: Player


class PlayerErrorChanged(TypedDict):
    """The player's `error` changed."""

    player: Player


class PublicGuild(TypedDict):
    id: str
    name: str
    icon_url: str | None
    bot_installed: bool
    # Discord has an outage for this guild.
    unavailable: bool
    member_count: int | None


class GuildUpdated(TypedDict):
    """The guild's name, icon or member count changed, or a Discord outage began or ended."""

    guild: PublicGuild


class BotInstalled(TypedDict):
    """The bot joined the guild."""

    guild: PublicGuild


class BotRemoved(TypedDict):
    """The bot was removed from the guild. All data is kept."""

    guild: PublicGuild


class VoiceChannel(TypedDict):
    id: str
    name: str
    stage: bool


class VoiceChannelsChanged(TypedDict):
    """The voice channels or their visibility changed. `voice_channels` are those that every member may see."""

    voice_channels: list[VoiceChannel]


class SomeSettings(TypedDict):
    # DJs skip at once, remove other people's tracks, and control the player from anywhere. People who
    # manage the server are always DJs.
    dj_role_id: NotRequired[str | None]
    # Who may add tracks to the queue.
    may_add: NotRequired[Literal["everyone", "dj", "managers"]]
    # Everyone: listeners vote, and DJs skip at once. You can always skip your own track.
    may_skip: NotRequired[Literal["everyone", "dj", "managers"]]
    # The share of listeners who must vote to skip.
    vote_share: NotRequired[int]
    # Who may move tracks, and add tracks ahead of other people's tracks.
    may_move: NotRequired[Literal["everyone", "dj", "managers"]]
    # Who may remove all tracks from the queue.
    may_clear: NotRequired[Literal["everyone", "dj", "managers"]]
    # The queue alternates between people, so that nobody waits for a whole album. While this is on, only
    # DJs may change the order.
    fair_order: NotRequired[bool]
    # The most tracks that one person may have in the queue. DJs have no limit.
    max_per_person: NotRequired[int | None]
    # Only tracks from these sources can be added.
    allowed_sources: NotRequired[list[str] | None]
    # The bot plays here when neither the bot nor the requester is in a voice channel.
    voice_channel_id: NotRequired[str | None]
    # The volume until someone changes it.
    default_volume: NotRequired[int]
    # If off, the bot leaves an empty channel after a while. The queue is kept.
    stay_in_channel: NotRequired[bool]
    # How long the bot waits in an empty channel.
    leave_after_minutes: NotRequired[int]
    # The current track is shown under the name of the voice channel. The bot needs the permission Set Voice
    # Channel Status for this.
    channel_status: NotRequired[bool]
    # The bot posts one message with the current track and buttons, and keeps it up to date.
    show_card: NotRequired[bool]
    # Where that message is posted.
    announce_channel_id: NotRequired[str | None]
    # Every message in this channel is a request: words to search, links, or audio files. The bot queues it
    # and removes the message. The message with the current track is posted here too.
    request_channel_id: NotRequired[str | None]
    # The language of messages that everyone can see. People get their own replies in their language.
    language: NotRequired[Literal["discord", "en", "de"]]


class SettingsChanged(TypedDict):
    """A manager changed settings. Both fields contain only the settings that differ."""

    before: SomeSettings
    after: SomeSettings


class RightsChanged(TypedDict):
    """The rights of these people changed, through their roles in Discord or a new owner."""

    user_ids: list[str]


class PlaylistSummary(TypedDict):
    id: str
    # Pass it as `from` of AddTracks to add the whole playlist.
    uri: str
    name: str
    # Null for a person's playlist.
    guild_id: str | None
    # Number of entries.
    length: int


class PlaylistCreated(TypedDict):
    """A playlist of the guild was created, or restored after it was deleted."""

    playlist: PlaylistSummary


class PlaylistChanged(TypedDict):
    """The name, the tracks or the collaborators of a playlist changed."""

    playlist: PlaylistSummary
    change: Literal["name", "tracks", "collaborators"]


class PlaylistDeleted(TypedDict):
    """A playlist of the guild was deleted. It can be restored for a day."""

    playlist: PlaylistSummary


QuietHours = TypedDict(
    "QuietHours",
    {
        "from": str,
        "until": str,
        "timezone": str,
    },
)


class LoggedAlertRule(TypedDict):
    id: str
    # Alerts of this stream are posted.
    stream_id: str
    # The text or announcement channel to post to.
    channel_id: str
    # Each post mentions this role.
    mention_role_id: str | None
    # Alerts below this level are not posted.
    min_level: Literal["low", "medium", "high"]
    # How many alerts a minute are posted one by one. Further alerts are combined into a digest.
    max_per_minute: int
    quiet_hours: QuietHours | None
    # If off, nothing is posted, and pending posts are deleted.
    enabled: bool


class AlertRuleAdded(TypedDict):
    """A manager added a rule."""

    rule: LoggedAlertRule


class AlertRuleRemoved(TypedDict):
    """A manager removed a rule."""

    rule: LoggedAlertRule


class SomeAlertRule(TypedDict):
    # Alerts of this stream are posted.
    stream_id: NotRequired[str]
    # The text or announcement channel to post to.
    channel_id: NotRequired[str]
    # Each post mentions this role.
    mention_role_id: NotRequired[str | None]
    # Alerts below this level are not posted.
    min_level: NotRequired[Literal["low", "medium", "high"]]
    # How many alerts a minute are posted one by one. Further alerts are combined into a digest.
    max_per_minute: NotRequired[int]
    quiet_hours: NotRequired[QuietHours | None]
    # If off, nothing is posted, and pending posts are deleted.
    enabled: NotRequired[bool]


class AlertRuleChanged(TypedDict):
    """A manager changed a rule. `before` and `after` contain only the fields that differ."""

    rule_id: str
    before: SomeAlertRule
    after: SomeAlertRule
