"""Shared queries about guilds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils import timezone

from accounts.models import User
from guilds.bot_features import features_on, missing_permissions
from guilds.channel_permissions import may_view
from guilds.choices import VOICE_TYPES, ChannelType
from guilds.freshness import read_shards, stale_since
from guilds.models import Channel, Guild, Membership, Role, VoiceState
from guilds.permissions import can_manage
from guilds.setting_fields import mirrored_in
from guilds.shapes import public_shape

UNSEEN = timedelta(minutes=1)


def my_memberships(user: User, *, everything: bool) -> list[Membership]:
    """Return the user's memberships in guilds that they manage; with `everything`, also in guilds with the bot.

    The order is the same everywhere: guilds with the bot first, then by name.
    """
    memberships = Membership.objects.filter(user=user).select_related("guild", "user")
    mine = [m for m in memberships if can_manage(m) or (everything and m.guild.bot_installed)]
    return sorted(mine, key=_place)


def _place(membership: Membership) -> tuple[bool, str, str]:
    guild = membership.guild
    return not guild.bot_installed, guild.name.casefold(), guild.pk


def known_people(user: User) -> QuerySet[User]:
    """Return the other people who have used the program and share a guild with this user, sorted by name."""
    guilds = Membership.objects.filter(user=user).values("guild_id")
    together = Membership.objects.filter(guild_id__in=guilds).values("user_id")
    return User.objects.filter(is_active=True, pk__in=together).exclude(pk=user.pk).order_by("username", "pk")


def guild_shape(membership: Membership) -> dict[str, Any]:
    """Return a guild as REST shows it to this member."""
    guild = membership.guild
    return public_shape(guild) | {
        "owner": membership.owner,
        "permissions": str(membership.permissions),
        "can_manage": can_manage(membership),
    }


def guild_answers(memberships: Iterable[Membership]) -> list[dict[str, Any]]:
    """Return guilds as `/api/guilds` shows them, with `stale_since`. One query for any number of guilds."""
    shards = read_shards()
    return [guild_shape(m) | {"stale_since": stale_since(m.guild, shards)} for m in memberships]


def bot_lacks(guild: Guild) -> list[dict[str, Any]]:
    """Return the permissions that the bot lacks (`missing_permissions`), text channels first. Two queries."""
    channels = list(Channel.objects.filter(guild=guild).order_by("type", "position", "pk"))
    return missing_permissions(
        guild,
        bot_id=settings.DISCORD_CLIENT_ID,  # the same as the bot's id for applications created since 2016
        roles=Role.objects.filter(guild=guild),
        channels=channels,
        features=features_on(getattr(guild, "settings", None), channels),
    )


def bot_guilds() -> QuerySet[Guild]:
    """Return the guilds that the bot is in, with their settings."""
    return Guild.objects.filter(bot_installed=True).select_related("settings")


def features_of(guild: Guild) -> list[str]:
    """Return the features that a guild uses. One query, for its stages."""
    return features_on(getattr(guild, "settings", None), channels_of(guild.pk, ChannelType.STAGE))


def bot_lacks_by_place(guild: Guild) -> list[dict[str, Any]]:
    """Return `bot_lacks` grouped for a page: `[{channel: name or None, lacks}]`."""
    names = dict(Channel.objects.filter(guild=guild).values_list("pk", "name"))
    return [
        {"channel": names.get(channel_id), "lacks": list(lacks)}
        for channel_id, lacks in groupby(bot_lacks(guild), key=lambda lack: lack["channel_id"])
    ]


def channels_of(guild_id: str, *types: ChannelType) -> QuerySet[Channel]:
    return Channel.objects.filter(guild_id=guild_id, type__in=types)


def gone_settings(guild_id: str, rows: Sequence[Model]) -> list[list[str]]:
    """Return, for each row, the names of settings whose role or channel was deleted. At most two queries."""
    chosen = [{name: getattr(row, name) for name in mirrored_in(type(row))} for row in rows]
    wanted = {each for row in chosen for each in row.values() if each}
    here: set[str | None] = {None}
    for model in (Role, Channel) if wanted else ():
        here.update(model.objects.filter(guild_id=guild_id, pk__in=wanted).values_list("pk", flat=True))
    return [[name for name, each in row.items() if each not in here] for row in chosen]


def voice_channels_of(guild_id: str) -> QuerySet[Channel]:
    return channels_of(guild_id, *VOICE_TYPES)


def voice_channels_seen_by(membership: Membership) -> list[Channel]:
    """Return the voice channels that a member may know about, in Discord's order. One query."""
    return [channel for channel in voice_channels_of(membership.guild_id) if may_view(membership, channel)]


def voice_channel_of(guild_id: str, user: User | None) -> str | None:
    """Return the id of the voice channel that a person is in, or None."""
    if user is None or not user.discord_id:
        return None
    state = VoiceState.objects.filter(guild_id=guild_id, discord_id=user.discord_id).first()
    return state.channel_id if state else None


def people_unseen() -> dict[str, list[str]]:
    """Return the Discord ids, by guild, of people who logged in within the last minute and whose roles are unknown."""
    since = timezone.now() - UNSEEN
    rows = Membership.objects.filter(
        role_ids=[], updated_at__gt=since, guild__bot_installed=True, user__discord_id__isnull=False
    )
    found: dict[str, list[str]] = {}
    for guild_id, discord_id in rows.values_list("guild_id", "user__discord_id"):
        found.setdefault(guild_id, []).append(str(discord_id))
    return found


def people_known_in(guild_id: str) -> list[str]:
    """Return the Discord ids of the guild's members that we know."""
    people = Membership.objects.filter(guild_id=guild_id, user__discord_id__isnull=False)
    return [discord_id for discord_id in people.values_list("user__discord_id", flat=True) if discord_id]
