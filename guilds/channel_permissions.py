"""What somebody may do in one channel (docs: Permissions, Permission Overwrites), and what the bot cannot."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from guilds.models import TEXT_TYPES, VOICE_TYPES, Channel, ChannelType, Guild, Membership, Role, VoiceState
from guilds.permissions import ADMINISTRATOR, ALL_PERMISSIONS, base_permissions

VIEW_CHANNEL = 1 << 10
SEND_MESSAGES = 1 << 11
EMBED_LINKS = 1 << 14
ATTACH_FILES = 1 << 15
READ_MESSAGE_HISTORY = 1 << 16
MENTION_EVERYONE = 1 << 17
CONNECT = 1 << 20
SPEAK = 1 << 21
MUTE_MEMBERS = 1 << 22
MOVE_MEMBERS = 1 << 24
REQUEST_TO_SPEAK = 1 << 32


@dataclass(frozen=True)
class Obstacle:
    """What keeps the bot out of a voice channel, or from being heard there. `detail` says it to people."""

    code: str
    detail: str


@dataclass(frozen=True)
class Need:
    """A permission of the bot. `types`: of which channels it is asked; none: of the guild only."""

    name: str
    bit: int
    needed_for: str
    types: tuple[ChannelType, ...]


# What the bot asks for when it is installed (permissions.INSTALL_PERMISSIONS).
NEEDS = (
    Need("VIEW_CHANNEL", VIEW_CHANNEL, "seeing the channel at all", (*TEXT_TYPES, *VOICE_TYPES)),
    Need("SEND_MESSAGES", SEND_MESSAGES, "saying what plays, and alerts", TEXT_TYPES),
    Need("EMBED_LINKS", EMBED_LINKS, "showing a track with its artwork and link", TEXT_TYPES),
    Need("ATTACH_FILES", ATTACH_FILES, "pictures in alerts", TEXT_TYPES),
    Need("MENTION_EVERYONE", MENTION_EVERYONE, "alerts that mention a role", ()),
    Need("CONNECT", CONNECT, "joining a voice channel", VOICE_TYPES),
    Need("SPEAK", SPEAK, "being heard in a voice channel", (ChannelType.VOICE,)),
)


def channel_permissions(
    base: int, *, guild_id: str, discord_id: str, role_ids: Collection[str], overwrites: list[dict[str, Any]]
) -> int:
    """Return somebody's permissions in a channel, from their base permissions.

    In this order: @everyone's overwrite, those of their roles taken together, their own. No overwrite
    touches owners and administrators. Whoever may not see a channel may do nothing there.
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
    """Whether a person may join a voice channel. Of whom the gateway never told, the roles are unknown: they may."""
    if membership.owner or not _is_known(membership):
        return True
    return bool(_permissions_in(channel, membership, base=membership.permissions) & CONNECT)


def may_view(membership: Membership, channel: Channel) -> bool:
    """Whether a person may know of a channel. Of whom the gateway never told, as far as @everyone and they may."""
    if membership.owner:
        return True
    base = membership.permissions if _is_known(membership) else membership.permissions | VIEW_CHANNEL
    return bool(_permissions_in(channel, membership, base=base) & VIEW_CHANNEL)


def everybody_may_view(channel: Channel, everyone: int) -> bool:
    """Whether nobody is kept from knowing of a channel. `everyone`: the permissions of @everyone's role."""
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
    return membership.guild_id in membership.role_ids  # @everyone's role stands in for "known"


def _permissions_in(channel: Channel, membership: Membership, *, base: int) -> int:
    return channel_permissions(
        base,
        guild_id=membership.guild_id,
        discord_id=membership.user.discord_id or "",
        role_ids=membership.role_ids,
        overwrites=channel.overwrites,
    )


def bot_permissions(guild: Guild, channel: Channel, *, bot_id: str, roles: Iterable[Role]) -> int:
    """Return the bot's permissions in a channel, as the mirror has it."""
    bits = {role.pk: role.permissions for role in roles}
    role_ids = [guild.pk, *guild.bot_role_ids]
    base = base_permissions(
        owner=guild.owner_id == bot_id, role_bits=[bits[role] for role in role_ids if role in bits]
    )
    return channel_permissions(
        base, guild_id=guild.pk, discord_id=bot_id, role_ids=role_ids, overwrites=channel.overwrites
    )


def entry_obstacle(
    place: str, *, permissions: int, user_limit: int, occupants: int, afk: bool
) -> Obstacle | None:
    """Return what keeps the bot, with these permissions there, out of a voice channel; None when it may enter.

    Discord does not answer a request to join that it refuses (docs: Voice Connections), so this comes first.
    `place` is what a sentence calls the channel; `occupants` counts those who are there already, other bots among them.
    """
    if not permissions & VIEW_CHANNEL:
        return _lacks("View Channel", place)
    if not permissions & CONNECT:
        return _lacks("Connect", place)
    if afk:
        return Obstacle(
            "CANNOT_CONNECT",
            f"The bot cannot play in {place}: it is the AFK channel. Choose another channel.",
        )
    if 0 < user_limit <= occupants and not permissions & MOVE_MEMBERS:
        return Obstacle(
            "CHANNEL_FULL",
            f"The bot cannot join {place}: it is full, and its user limit is {user_limit}. Make room there, or choose "
            "another channel.",
        )
    return None


def _lacks(permission: str, place: str) -> Obstacle:
    return Obstacle(
        "CANNOT_CONNECT",
        f"The bot lacks the permission {permission} in {place}. Grant it, or choose another channel.",
    )


def may_bot_enter(guild: Guild, channel: Channel) -> Obstacle | None:
    """Return None when the bot may join a voice channel as the mirror has it, else what keeps it out. Two queries.

    Of a guild whose roles were not mirrored yet nothing is known, so the bot may try.
    """
    roles = list(Role.objects.filter(guild=guild))
    if all(role.pk != guild.pk for role in roles):  # @everyone's role stands in for "known"
        return None
    return entry_obstacle(
        f"“{channel.name}”",
        permissions=bot_permissions(guild, channel, bot_id=settings.DISCORD_CLIENT_ID, roles=roles),
        user_limit=channel.user_limit,
        occupants=VoiceState.objects.filter(channel=channel).count() if channel.user_limit else 0,
        afk=channel.pk == guild.afk_channel_id,
    )


def missing_permissions(
    guild: Guild, *, bot_id: str, roles: Iterable[Role], channels: Iterable[Channel]
) -> list[dict[str, Any]]:
    """Return what the bot lacks: `[{permission, bit, needed_for, channel_id}]`, the guild's first (channel null).

    What it lacks in the whole guild is not repeated for a channel, and of a channel that it cannot see nothing else is
    said. A guild whose roles were not mirrored yet lacks nothing that we know of.
    """
    bits = {role.pk: role.permissions for role in roles}
    if guild.pk not in bits:
        return []
    role_ids = [guild.pk, *guild.bot_role_ids]
    base = base_permissions(
        owner=guild.owner_id == bot_id, role_bits=[bits[role] for role in role_ids if role in bits]
    )
    lacking = [_lack(need, None) for need in NEEDS if not base & need.bit]
    for channel in channels:
        granted = channel_permissions(
            base, guild_id=guild.pk, discord_id=bot_id, role_ids=role_ids, overwrites=channel.overwrites
        )
        missing = [
            need
            for need in NEEDS
            if channel.type in need.types and base & need.bit and not granted & need.bit
        ]
        if missing and not granted & VIEW_CHANNEL:
            missing = [need for need in missing if need.bit == VIEW_CHANNEL]
        lacking += [_lack(need, channel.pk) for need in missing]
    return lacking


def _lack(need: Need, channel_id: str | None) -> dict[str, Any]:
    return {
        "permission": need.name,
        "bit": str(need.bit),
        "needed_for": need.needed_for,
        "channel_id": channel_id,
    }
