"""Copies what the gateway tells into the database, so that web requests never ask Discord."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import nextcord

from accounts.domain.people import upsert_person
from accounts.models import User
from guilds.domain.installation import bot_left
from guilds.domain.memberships import store_member_seen
from guilds.domain.mirror import Voice, mirror_guild, store_voice
from guilds.models import Guild
from realtime.db import in_thread

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.1  # a guild's changes come in bursts; one write serves them all


class Mirror:
    """`on_change(guild_id)` is called after each write that may matter to playing."""

    def __init__(self, bot: nextcord.Client, on_change: Callable[[str], None]) -> None:
        self._bot = bot
        self._on_change = on_change
        # A guild's writes go one after the other, each reading nextcord's cache just before: otherwise an
        # older state could be written last.
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._dirty: dict[int, asyncio.Task[None]] = {}

    def touch(self, guild: nextcord.Guild) -> None:
        """Write the whole guild soon."""
        if guild.id not in self._dirty:
            self._dirty[guild.id] = asyncio.create_task(self._settle(guild))

    async def close(self) -> None:
        """Write nothing any more that is not being written already."""
        settling, self._dirty = list(self._dirty.values()), {}
        for task in settling:
            task.cancel()
        await asyncio.gather(*settling, return_exceptions=True)

    async def _settle(self, guild: nextcord.Guild) -> None:
        await asyncio.sleep(SETTLE_SECONDS)
        self._dirty.pop(guild.id, None)
        await self.write(guild)

    async def write(self, guild: nextcord.Guild) -> None:
        async with self._locks[guild.id]:
            await in_thread(mirror_guild)(
                str(guild.id),
                name=guild.name,
                icon_hash=guild.icon.key if guild.icon else "",
                owner_id=str(guild.owner_id or ""),
                member_count=guild.member_count,
                bot_role_ids=[str(role.id) for role in guild.me.roles if not role.is_default()],
                channels=[_channel(channel) for channel in guild.channels],
                roles=[_role(role) for role in guild.roles],
                voices=_voices(guild),
            )
        self._on_change(str(guild.id))

    async def voice(self, member: nextcord.Member, after: nextcord.VoiceState) -> None:
        if member.bot:
            return
        async with self._locks[member.guild.id]:
            await in_thread(store_voice)(
                str(member.guild.id),
                discord_id=str(member.id),
                channel_id=str(after.channel.id) if after.channel else None,
                name=member.display_name,
                deafened=after.deaf or after.self_deaf,
            )
        self._on_change(str(member.guild.id))

    async def left(self, guild_id: int) -> None:
        async with self._locks[guild_id]:
            await in_thread(bot_left)(str(guild_id))
        self._on_change(str(guild_id))

    async def drop_vanished(self) -> None:
        """After READY: guilds that the bot was in and is no more."""
        here = [str(guild.id) for guild in self._bot.guilds]
        for guild_id in await in_thread(_installed_besides)(here):
            await self.left(int(guild_id))


def _installed_besides(guild_ids: list[str]) -> list[str]:
    return list(
        Guild.objects.filter(bot_installed=True).exclude(pk__in=guild_ids).values_list("pk", flat=True)
    )


def person_of(member: nextcord.Member | nextcord.User) -> dict[str, Any]:
    """Return Discord's user object as far as accounts wants it."""
    return {
        "id": str(member.id),
        "username": member.name,
        "global_name": member.global_name,
        "avatar": member._user.avatar.key
        if isinstance(member, nextcord.Member) and member._user.avatar
        else (member.avatar.key if not isinstance(member, nextcord.Member) and member.avatar else None),
    }


def store_member(member: nextcord.Member) -> User:
    """Return the person, with their membership as the gateway shows it."""
    user = upsert_person(person_of(member))
    store_member_seen(
        user,
        guild_id=str(member.guild.id),
        owner=member.guild.owner_id == member.id,
        permissions=member.guild_permissions.value,
        role_ids=[str(role.id) for role in member.roles],
    )
    return user


def _voices(guild: nextcord.Guild) -> list[Voice]:
    """Return who sits in voice. Without the members intent nextcord may know the id and not the member."""
    voices = []
    for channel in (*guild.voice_channels, *guild.stage_channels):
        for person_id, state in channel.voice_states.items():
            member = guild.get_member(person_id)
            if person_id != guild.me.id and not (member and member.bot):
                voices.append(
                    Voice(
                        str(person_id),
                        str(channel.id),
                        member.display_name if member else "",
                        deafened=state.deaf or state.self_deaf,
                    )
                )
    return voices


def _channel(channel: nextcord.abc.GuildChannel) -> dict[str, Any]:
    return {
        "id": str(channel.id),
        "type": channel.type.value,
        "name": channel.name,
        "position": channel.position,
        "parent_id": str(channel.category_id) if channel.category_id else None,
        # `channel.overwrites` drops those of members that nextcord has not seen.
        "overwrites": [
            {"id": str(over.id), "type": over.type, "allow": str(over.allow), "deny": str(over.deny)}
            for over in channel._overwrites
        ],
    }


def _role(role: nextcord.Role) -> dict[str, Any]:
    return {
        "id": str(role.id),
        "name": role.name,
        "color": role.color.value,
        "position": role.position,
        "permissions": role.permissions.value,
        "mentionable": role.mentionable,
        "managed": role.managed,
    }
