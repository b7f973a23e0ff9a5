"""The data classes of the sandbox's world. Ids are snowflakes as strings, times ISO 8601, permissions int."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

type Json = dict[str, Any]


class ChannelType(IntEnum):
    TEXT = 0
    DM = 1
    VOICE = 2
    CATEGORY = 4
    ANNOUNCEMENT = 5
    STAGE = 13


@dataclass
class User:
    id: str
    username: str
    global_name: str | None = None
    bot: bool = False
    locale: str = "en-US"


@dataclass
class Guild:
    id: str
    name: str
    owner_id: str
    system_channel_id: str | None = None
    features: list[str] = field(default_factory=list)
    preferred_locale: str = "en-US"
    afk_channel_id: str | None = None
    emojis: list[Json] = field(default_factory=list)  # these three lists are in Discord's format
    stickers: list[Json] = field(default_factory=list)
    sounds: list[Json] = field(default_factory=list)
    bans: dict[str, str | None] = field(default_factory=dict)  # user id -> reason
    # The server's rules for commands in Discord's format, by the id of a command or of the application
    command_permissions: dict[str, list[Json]] = field(default_factory=dict)


@dataclass
class Role:
    """A role. The one with the guild's id is @everyone. `bot_id` is set on a role that installing a bot created."""

    id: str
    guild_id: str
    name: str
    permissions: int
    position: int
    color: int = 0
    hoist: bool = False
    mentionable: bool = False
    bot_id: str | None = None


@dataclass
class Overwrite:
    id: str
    type: int  # 0 role, 1 member
    allow: int
    deny: int


@dataclass
class Channel:
    """A guild's channel, or a DM (`guild_id` None, `recipient_id` set).

    `status` and `user_limit` (0: no limit) are for voice channels.
    """

    id: str
    type: int
    name: str = ""
    guild_id: str | None = None
    position: int = 0
    parent_id: str | None = None
    topic: str | None = None
    status: str | None = None
    overwrites: list[Overwrite] = field(default_factory=list)
    recipient_id: str | None = None
    user_limit: int = 0
    bitrate: int = 64_000
    rtc_region: str | None = None
    nsfw: bool = False
    rate_limit_per_user: int = 0
    stage: Json | None = None  # the live instance of a Stage channel, in Discord's format


@dataclass
class Member:
    guild_id: str
    user_id: str
    joined_at: str
    roles: list[str] = field(default_factory=list)
    nick: str | None = None
    mute: bool = False  # by a moderator, in every voice channel
    deaf: bool = False
    timeout_until: str | None = None


@dataclass
class VoiceState:
    """A user's voice state. `suppress` is True if nobody hears the user: in a stage's audience, or without Speak.

    `requested_at` is the time when the user raised their hand.
    """

    guild_id: str
    channel_id: str
    user_id: str
    session_id: str
    self_mute: bool = False
    self_deaf: bool = False
    suppress: bool = False
    requested_at: str | None = None


@dataclass
class Reaction:
    """The users who reacted with one emoji, first to last. `emoji_id` is None for a Unicode emoji."""

    name: str
    emoji_id: str | None = None
    user_ids: list[str] = field(default_factory=list)


@dataclass
class Message:
    """A message. Embeds, components and attachments are stored in Discord's format.

    `only_user_id` is set on ephemeral messages: only that user sees them, and the gateway never sends them.
    `interaction` is Discord's `interaction_metadata` plus `name`. `via_webhook` marks a response to one.
    """

    id: str
    channel_id: str
    author_id: str
    content: str = ""
    type: int = 0
    flags: int = 0
    tts: bool = False
    created_at: str = ""
    edited_at: str | None = None
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    mentions: list[str] = field(default_factory=list)
    mention_roles: list[str] = field(default_factory=list)
    mention_everyone: bool = False
    nonce: str | int | None = None
    reference: Json | None = None
    interaction: Json | None = None
    via_webhook: bool = False
    only_user_id: str | None = None
    reactions: list[Reaction] = field(default_factory=list)
    pinned_at: str | None = None


class MessageFlag:
    CROSSPOSTED = 1 << 0
    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_VOICE_MESSAGE = 1 << 13
    COMPONENTS_V2 = 1 << 15


@dataclass(frozen=True)
class Event:
    """An event in the gateway's format.

    `guild_id` determines the shard. None goes to shard 0. An event with `only_user_id` does not go to the
    gateway, only to that user's page. Names that begin with SANDBOX_ are for the page only.
    """

    name: str
    data: Json
    guild_id: str | None = None
    only_user_id: str | None = None
