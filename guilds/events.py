"""Events about the guild itself."""

from __future__ import annotations

from typing import Annotated, ClassVar

from guilds.models import Channel, Guild
from guilds.serializers import PublicGuildSerializer, SettingsSerializer, VoiceChannelSerializer
from guilds.shapes import public_shape, voice_channel_shape
from realtime.events import PartOf, Shape, TypedEvent


class GuildEvent(TypedEvent):
    """Base of all guild events."""

    log = "guild"
    shapes: ClassVar = {
        Channel: Shape(voice_channel_shape, VoiceChannelSerializer),
        Guild: Shape(public_shape, PublicGuildSerializer),
    }


class LooksEvent(GuildEvent):
    """Base of events about what every member sees of the guild."""

    reducer = "put the fields of `guild` over those of the snapshot's `guild`"
    guild: Guild


class GuildUpdated(LooksEvent):
    """The guild's name, icon or member count changed, or a Discord outage began or ended."""


class BotInstalled(LooksEvent):
    """The bot joined the guild."""


class BotRemoved(LooksEvent):
    """The bot was removed from the guild. All data is kept."""


class VoiceChannelsChanged(GuildEvent):
    """The voice channels or their visibility changed. `voice_channels` are those that every member may see."""

    reducer = "replace `voice_channels`, and fetch again those that only some members may see"
    voice_channels: list[Channel]


class SettingsChanged(GuildEvent):
    """A manager changed settings. Both fields contain only the settings that differ."""

    reducer = "nothing; every client fetches `can` again"
    before: Annotated[dict[str, object], PartOf(SettingsSerializer)]
    after: Annotated[dict[str, object], PartOf(SettingsSerializer)]


class RightsChanged(GuildEvent):
    """The rights of these people changed, through their roles in Discord or a new owner."""

    reducer = "nothing; the people in `user_ids` fetch `can` and `voice_channels` again"
    user_ids: list[str]
