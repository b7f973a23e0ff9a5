"""Guilds as REST and events show them."""

from __future__ import annotations

from typing import Any

from guilds.choices import ChannelType
from guilds.models import Channel, Guild


def public_shape(guild: Guild) -> dict[str, Any]:
    """Return the fields that every member sees."""
    return {
        "id": guild.pk,
        "name": guild.name,
        "icon_url": guild.icon_url,
        "bot_installed": guild.bot_installed,
        "unavailable": guild.unavailable,
        "member_count": guild.member_count,
    }


def voice_channel_shape(channel: Channel) -> dict[str, Any]:
    """Return `{id, name, stage}` of a channel in which the bot can play."""
    return {"id": channel.pk, "name": channel.name, "stage": channel.type == ChannelType.STAGE}
