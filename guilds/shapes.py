"""Guilds as REST and events show them."""

from __future__ import annotations

from typing import Any

from guilds.models import Channel, ChannelType, Guild


def public_shape(guild: Guild) -> dict[str, Any]:
    """Return what is the same for everybody who may see the guild."""
    return {
        "id": guild.pk,
        "name": guild.name,
        "icon_url": guild.icon_url,
        "bot_installed": guild.bot_installed,
        "unavailable": guild.unavailable,
        "member_count": guild.member_count,
    }


def voice_channels_shape(guild_id: str) -> list[dict[str, Any]]:
    """Return `[{id, name, stage}]`, in Discord's order: what a player may be sent to."""
    channels = Channel.objects.filter(guild_id=guild_id, type__in=(ChannelType.VOICE, ChannelType.STAGE))
    rows = channels.values_list("pk", "name", "type")
    return [{"id": pk, "name": name, "stage": type_ == ChannelType.STAGE} for pk, name, type_ in rows]
