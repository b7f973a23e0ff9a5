"""Events about the guild itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from django.utils.translation import gettext_lazy, ngettext_lazy

from guilds.models import Channel, Guild, GuildSettings
from guilds.serializers import PublicGuildSerializer, SettingsSerializer, VoiceChannelSerializer
from guilds.setting_fields import labels_of
from guilds.shapes import public_shape, voice_channel_shape
from realtime.events import Deed, PartOf, Shape, TypedEvent


class GuildEvent(TypedEvent):
    """Base of all guild events."""

    log = "guild"
    shapes: ClassVar = {
        Channel: Shape(voice_channel_shape, VoiceChannelSerializer),
        Guild: Shape(public_shape, PublicGuildSerializer),
    }


class LooksEvent(GuildEvent):
    """Base of events about what every member sees of the guild."""

    reducer = "merge `guild` into the snapshot's `guild`"
    guild: Guild


class GuildUpdated(LooksEvent):
    """The guild's name, icon or member count changed, or a Discord outage began or ended."""

    sentence = gettext_lazy("The name, icon or number of members of the server changed.")


class BotInstalled(LooksEvent):
    """The bot joined the guild."""

    sentence = gettext_lazy("Backline joined the server.")


class BotRemoved(LooksEvent):
    """The bot was removed from the guild. All data is kept."""

    sentence = gettext_lazy("Backline was removed from the server.")


class VoiceChannelsChanged(GuildEvent):
    """The voice channels or their visibility changed. `voice_channels` are those that every member may see."""

    sentence = gettext_lazy("The voice channels changed.")
    reducer = "replace `voice_channels`, and fetch again those that only some members may see"
    voice_channels: list[Channel]


class SettingsChanged(GuildEvent):
    """A manager changed settings. Both fields contain only the settings that differ."""

    sentence = Deed(
        gettext_lazy("%(who)s changed the settings: %(settings)s."),
        gettext_lazy("You changed the settings: %(settings)s."),
    )
    reducer = "nothing; every client fetches `can` again"
    before: Annotated[dict[str, object], PartOf(SettingsSerializer)]
    after: Annotated[dict[str, object], PartOf(SettingsSerializer)]

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"settings": labels_of(GuildSettings, args["after"])}


class RightsChanged(GuildEvent):
    """The rights of these people changed, through their roles in Discord or a new owner."""

    sentence = ngettext_lazy(
        "The rights of %(count)s person changed.", "The rights of %(count)s people changed.", "count"
    )
    reducer = "nothing; the people in `user_ids` fetch `can` and `voice_channels` again"
    user_ids: list[str]

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"count": len(args["user_ids"])}
