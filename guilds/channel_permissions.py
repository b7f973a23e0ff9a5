"""Permissions of a member in one channel (docs: Permissions, Permission Overwrites)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from guilds.models import Channel, Guild, Membership, Role, VoiceState
from guilds.permissions import ADMINISTRATOR, ALL_PERMISSIONS, base_permissions

MANAGE_CHANNELS = 1 << 4
VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
MANAGE_MESSAGES = 1 << 13
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
MENTION_EVERYONE = 1 << 17
CONNECT = 1 << 20
SPEAK = 1 << 21
MUTE_MEMBERS = 1 << 22
MOVE_MEMBERS = 1 << 24
REQUEST_TO_SPEAK = 1 << 32
SEND_MESSAGES_IN_THREADS = 1 << 38
SET_VOICE_CHANNEL_STATUS = 1 << 48


@dataclass(frozen=True)
class Obstacle:
    """Why the bot cannot join a voice channel, or cannot be heard there. `detail` is a sentence for people."""

    code: str
    detail: str


def channel_permissions(
    base: int, *, guild_id: str, discord_id: str, role_ids: Collection[str], overwrites: list[dict[str, Any]]
) -> int:
    """Return a member's permissions in a channel, computed from their base permissions.

    Overwrites apply in this order: that of @everyone, those of the member's roles combined, the member's own. They do
    not apply to owners and administrators. A member who may not view a channel has no permissions in it.
    """
    if base & ADMINISTRATOR:
        return ALL_PERMISSIONS
    by_id = {overwrite["id"]: overwrite for overwrite in overwrites}
    roles = [by_id[role] for role in role_ids if role != guild_id and role in by_id]
    own = by_id.get(discord_id)
    for level in ([by_id[guild_id]] if guild_id in by_id else [], roles, [own] if own else []):
        allow = deny = 0
        for overwrite in level:
            allow |= int(overwrite["allow"])
            deny |= int(overwrite["deny"])
        base = base & ~deny | allow
    return base if base & VIEW_CHANNEL else 0


def may_connect(membership: Membership, channel: Channel) -> bool:
    """Whether a person may join a voice channel. True when their roles are unknown."""
    if membership.owner or not _is_known(membership):
        return True
    return bool(_permissions_in(channel, membership, base=membership.permissions) & CONNECT)


def may_view(membership: Membership, channel: Channel) -> bool:
    """Whether a person may know about a channel. If their roles are unknown, @everyone and their overwrite decide."""
    if membership.owner:
        return True
    base = membership.permissions if _is_known(membership) else membership.permissions | VIEW_CHANNEL
    return bool(_permissions_in(channel, membership, base=base) & VIEW_CHANNEL)


def everybody_may_view(channel: Channel, everyone: int) -> bool:
    """Whether all members may know about a channel. `everyone` is the permissions of the role @everyone."""
    everyones = [overwrite for overwrite in channel.overwrites if overwrite["id"] == channel.guild_id]
    bits = channel_permissions(
        everyone & ~ADMINISTRATOR,
        guild_id=channel.guild_id,
        discord_id="",
        role_ids=[],
        overwrites=everyones,
    )
    others = [overwrite for overwrite in channel.overwrites if overwrite["id"] != channel.guild_id]
    return bool(bits & VIEW_CHANNEL) and not any(int(each["deny"]) & VIEW_CHANNEL for each in others)


def _is_known(membership: Membership) -> bool:
    return membership.guild_id in membership.role_ids  # the role @everyone is there once the roles are known


def _permissions_in(channel: Channel, membership: Membership, *, base: int) -> int:
    return channel_permissions(
        base,
        guild_id=membership.guild_id,
        discord_id=membership.user.discord_id or "",
        role_ids=membership.role_ids,
        overwrites=channel.overwrites,
    )


def bot_permissions(guild: Guild, channel: Channel, *, bot_id: str, roles: Iterable[Role]) -> int:
    """Return the bot's permissions in a channel, according to the mirror."""
    bits = {role.pk: role.permissions for role in roles}
    role_ids = [guild.pk, *guild.bot_role_ids]
    base = base_permissions(
        owner=guild.owner_id == bot_id, role_bits=[bits[role] for role in role_ids if role in bits]
    )
    return channel_permissions(
        base, guild_id=guild.pk, discord_id=bot_id, role_ids=role_ids, overwrites=channel.overwrites
    )


def likely_bot_permissions(guild: Guild, channel: Channel | None) -> int:
    """Return the same, or all permissions if the channel or the guild is not mirrored yet. At most one query."""
    roles = list(Role.objects.filter(guild=guild)) if channel is not None else []
    if channel is None or guild.pk not in {role.pk for role in roles}:
        return ALL_PERMISSIONS
    return bot_permissions(guild, channel, bot_id=settings.DISCORD_CLIENT_ID, roles=roles)


def entry_obstacle(
    place: str, *, permissions: int, user_limit: int, occupants: int, afk: bool
) -> Obstacle | None:
    """Return why the bot cannot join a voice channel with these permissions, or None when it can.

    Check this before joining: Discord does not respond to a request to join that it refuses (docs: Voice Connections).
    `place` is the channel's name in a sentence. `occupants` counts the people and bots that are in the channel already.
    """
    if not permissions & VIEW_CHANNEL:
        return _lacks("View Channel", place)
    if not permissions & CONNECT:
        return _lacks("Connect", place)
    if afk:
        return Obstacle(
            "CANNOT_CONNECT",
            f"The bot cannot play in {place} because it is the AFK channel. Choose another channel.",
        )
    if 0 < user_limit <= occupants and not permissions & MOVE_MEMBERS:
        return Obstacle(
            "CHANNEL_FULL",
            f"The bot cannot join {place} because it is full (user limit {user_limit}). Make room there, or choose "
            "another channel.",
        )
    return None


def _lacks(permission: str, place: str) -> Obstacle:
    return Obstacle(
        "CANNOT_CONNECT",
        f"The bot lacks the permission {permission} in {place}. Grant it, or choose another channel.",
    )


def may_bot_enter(guild: Guild, channel: Channel) -> Obstacle | None:
    """Return why the bot cannot join a voice channel, according to the mirror, or None when it can. Two queries.

    If the guild's roles are not mirrored yet, the permissions are unknown, so the bot may try.
    """
    roles = list(Role.objects.filter(guild=guild))
    if all(role.pk != guild.pk for role in roles):  # the role @everyone is there once the roles are known
        return None
    return entry_obstacle(
        f"“{channel.name}”",
        permissions=bot_permissions(guild, channel, bot_id=settings.DISCORD_CLIENT_ID, roles=roles),
        user_limit=channel.user_limit,
        occupants=VoiceState.objects.filter(channel=channel).count() if channel.user_limit else 0,
        afk=channel.pk == guild.afk_channel_id,
    )
