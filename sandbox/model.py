"""What the sandbox's world is made of. Ids are snowflakes as strings, times ISO 8601, permissions int."""

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


@dataclass
class Guild:
    id: str
    name: str
    owner_id: str
    system_channel_id: str | None = None
    features: list[str] = field(default_factory=list)
    afk_channel_id: str | None = None
    emojis: list[Json] = field(default_factory=list)  # these three in the shape Discord answers with
    stickers: list[Json] = field(default_factory=list)
    sounds: list[Json] = field(default_factory=list)
    bans: dict[str, str | None] = field(default_factory=dict)  # by user id: the reason


@dataclass
class Role:
    """A role; the one with the guild's id is @everyone. `bot_id` marks the one made at a bot's install."""

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

    `status` and `user_limit` (0: none) are a voice channel's.
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
    stage: Json | None = None  # a Stage channel's open instance, in Discord's shape


@dataclass
class Member:
    guild_id: str
    user_id: str
    joined_at: str
    roles: list[str] = field(default_factory=list)
    nick: str | None = None
    mute: bool = False  # by a moderator, in whatever voice channel
    deaf: bool = False
    timeout_until: str | None = None


@dataclass
class VoiceState:
    """`suppress`: not heard, for lack of Speak or in a stage's audience; `requested_at`: since when the hand is up."""

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
    """Who reacted to a message with one emoji, in that order. `emoji_id` is None for one of Unicode's."""

    name: str
    emoji_id: str | None = None
    user_ids: list[str] = field(default_factory=list)


@dataclass
class Message:
    """A message; embeds, components and attachments are kept in the shape Discord answers with.

    `only_user_id` is set on ephemeral messages: nobody else sees them, and the gateway never carries them.
    `interaction` is Discord's `interaction_metadata` plus `name`; `via_webhook` marks replies to one.
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
    """Something that happened, as the gateway tells it.

    `guild_id` picks the shard; None goes to shard 0. `only_user_id` keeps an event from the gateway: it is
    for that human's client alone. Names that begin with SANDBOX_ are for the page only.
    """

    name: str
    data: Json
    guild_id: str | None = None
    only_user_id: str | None = None
