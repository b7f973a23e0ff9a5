"""What happens to a guild itself."""

from __future__ import annotations

from typing import Annotated, ClassVar

from guilds.models import Channel, Guild
from guilds.serializers import PublicGuildSerializer, SettingsSerializer, VoiceChannelSerializer
from guilds.shapes import public_shape, voice_channel_shape
from realtime.events import PartOf, Shape, TypedEvent


class GuildEvent(TypedEvent):
    """Base of all here."""

    log = "guild"
    shapes: ClassVar = {
        Channel: Shape(voice_channel_shape, VoiceChannelSerializer),
        Guild: Shape(public_shape, PublicGuildSerializer),
    }


class LooksEvent(GuildEvent):
    """Of what everybody may see of the guild."""

    reducer = "put the fields of `guild` over those of the snapshot's `guild`"
    guild: Guild


class GuildUpdated(LooksEvent):
    """The guild looks different now: its name, icon or member count, or Discord has an outage for it."""


class BotInstalled(LooksEvent):
    """The bot joined the guild."""


class BotRemoved(LooksEvent):
    """The bot was removed from the guild. Everything is kept."""


class VoiceChannelsChanged(GuildEvent):
    """The voice channels changed, or who may see them; `voice_channels` are those that everybody may see."""

    reducer = "take `voice_channels`, and ask again for those that only some may see"
    voice_channels: list[Channel]


class SettingsChanged(GuildEvent):
    """A manager changed settings; both fields hold those that differ."""

    reducer = "nothing; whoever reads it asks for `can` again"
    before: Annotated[dict[str, object], PartOf(SettingsSerializer)]
    after: Annotated[dict[str, object], PartOf(SettingsSerializer)]


class RightsChanged(GuildEvent):
    """Discord's roles, or the guild's owner, make a difference to these people."""

    reducer = "nothing; whoever it names asks for `can` and `voice_channels` again"
    user_ids: list[str]
