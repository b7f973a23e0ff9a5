"""Shared reads about guilds."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from guilds.models import Channel, ChannelType, Membership, VoiceState
from guilds.permissions import can_manage
from guilds.shapes import public_shape


def my_memberships(user: User, *, everything: bool) -> list[Membership]:
    """Return the memberships of the guilds that a user manages; with `everything` also those with the bot."""
    memberships = (
        Membership.objects.filter(user=user).select_related("guild").order_by("guild__name", "guild_id")
    )
    return [m for m in memberships if can_manage(m) or (everything and m.guild.bot_installed)]


def guild_shape(membership: Membership) -> dict[str, Any]:
    """Return a guild as REST shows it to this member."""
    guild = membership.guild
    return public_shape(guild) | {
        "owner": membership.owner,
        "permissions": str(membership.permissions),
        "can_manage": can_manage(membership),
    }


def channels_of(guild_id: str, *types: ChannelType) -> QuerySet[Channel]:
    return Channel.objects.filter(guild_id=guild_id, type__in=types)


def voice_channels_of(guild_id: str) -> QuerySet[Channel]:
    return channels_of(guild_id, ChannelType.VOICE, ChannelType.STAGE)


def voice_channel_of(guild_id: str, user: User | None) -> str | None:
    """Return the id of the voice channel that a person sits in, null when none."""
    if user is None or not user.discord_id:
        return None
    state = VoiceState.objects.filter(guild_id=guild_id, discord_id=user.discord_id).first()
    return state.channel_id if state else None
