"""Copies the gateway's events into the database, so that web requests never ask Discord."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable

import nextcord
from django.db import DatabaseError, transaction

from accounts.domain.people import upsert_person
from accounts.models import User
from botrunner.database import from_database
from guilds.domain.installation import bot_left
from guilds.domain.memberships import end_memberships, store_member_seen, store_roles
from guilds.domain.mirror import Voice, mirror_guild, note_outage, store_member_count, store_voice
from guilds.freshness import shard_of
from guilds.models import Guild
from guilds.queries import people_known_in, people_unseen
from queue_app.commands import execute
from realtime.db import in_thread
from realtime.origin import BOT

log = logging.getLogger(__name__)

SETTLE_SECONDS = 0.1  # a guild's changes come in bursts, and one write covers them all
COUNT_SECONDS = 5.0  # people come and go all day, and each new count is an event
MAX_WRITERS = 2
MEMBERS_ASKED = 100  # at a time (Discord: Request Guild Members)
UNSEEN_SECONDS = 1.0
CHECK_SECONDS = 1.0  # between guilds: a connection may send 120 payloads a minute, and each voice join is one


class Mirror:
    """Mirrors one shard's guilds. `on_change(guild_id)` is called after each write that may affect playback."""

    def __init__(self, bot: nextcord.Client, on_change: Callable[[str], None]) -> None:
        self._bot = bot
        self._on_change = on_change
        # A guild's writes run one after another, and each reads nextcord's cache just before. Otherwise an older
        # state could be written last.
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        # Hundreds of guilds arrive at once after READY, while playback and sockets need the database too.
        self._writers = asyncio.Semaphore(MAX_WRITERS)
        self._writing = 0  # guilds that are being written or wait to be
        self._dirty: dict[int, asyncio.Task[None]] = {}
        self._counting: dict[int, asyncio.Task[None]] = {}
        self._unchecked: asyncio.Queue[nextcord.Guild] = asyncio.Queue()
        self._checker = asyncio.create_task(self._check_members(), name="members")

    @property
    def busy(self) -> bool:
        return self._writing > 0

    def touch(self, guild: nextcord.Guild) -> None:
        """Write the whole guild soon."""
        if guild.id not in self._dirty:
            self._dirty[guild.id] = asyncio.create_task(self._settle(guild))

    def count(self, guild_id: int) -> None:
        """Write the number of members soon, after somebody joined or left."""
        if guild_id not in self._counting:
            self._counting[guild_id] = asyncio.create_task(self._settle_count(guild_id))

    async def _settle_count(self, guild_id: int) -> None:
        await asyncio.sleep(COUNT_SECONDS)
        self._counting.pop(guild_id, None)
        guild = self._bot.get_guild(guild_id)
        if guild is not None and not guild.unavailable and guild.member_count is not None:
            async with self._locks[guild_id]:
                await from_database(store_member_count, str(guild_id), guild.member_count)

    async def close(self) -> None:
        """Cancel writes that have not begun."""
        ending = [*self._dirty.values(), *self._counting.values(), self._checker]
        self._dirty, self._counting = {}, {}
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _settle(self, guild: nextcord.Guild) -> None:
        await asyncio.sleep(SETTLE_SECONDS)
        self._dirty.pop(guild.id, None)
        await self.write(guild)

    async def read(self, guild: nextcord.Guild) -> None:
        """Handle a GUILD_CREATE: write the guild, and queue the check of the people we know there."""
        await self.write(guild)
        self._unchecked.put_nowait(guild)

    async def write(self, guild: nextcord.Guild) -> None:
        if guild.unavailable or guild.me is None:
            return  # nextcord's copy of the guild is empty
        self._writing += 1
        try:
            await self._write(guild)
        finally:
            self._writing -= 1
            self._on_change(str(guild.id))

    async def _write(self, guild: nextcord.Guild) -> None:
        async with self._locks[guild.id], self._writers:
            await from_database(
                mirror_guild,
                str(guild.id),
                name=guild.name,
                icon_hash=guild.icon.key if guild.icon else "",
                owner_id=str(guild.owner_id or ""),
                member_count=guild.member_count,
                bot_role_ids=[str(role.id) for role in guild.me.roles if not role.is_default()],
                afk_channel_id=str(guild.afk_channel.id) if guild.afk_channel else None,
                preferred_locale=str(guild.preferred_locale or ""),
                channels=[_channel(channel) for channel in guild.channels],
                roles=[_role(role) for role in guild.roles],
                voices=_voices(guild),
            )

    async def member(self, guild_id: int, person_id: int, role_ids: list[int]) -> None:
        """Store the roles of a member who joined or whose roles changed."""
        async with self._locks[guild_id]:
            await from_database(
                store_roles,
                str(guild_id),
                discord_id=str(person_id),
                role_ids=[str(role) for role in role_ids],
            )

    async def member_left(self, guild_id: int, person_id: int) -> None:
        async with self._locks[guild_id]:
            await from_database(end_memberships, str(guild_id), [str(person_id)])

    async def _check_members(self) -> None:
        """Ask Discord, guild by guild, for the people we know there: events were missed while we were disconnected."""
        while True:
            try:
                async with asyncio.timeout(UNSEEN_SECONDS):
                    guild = await self._unchecked.get()
            except TimeoutError:
                await self._check_unseen()
                continue
            try:
                known = await in_thread(people_known_in)(str(guild.id))
                for start in range(0, len(known), MEMBERS_ASKED):
                    await self._check(guild, known[start : start + MEMBERS_ASKED])
            except (TimeoutError, OSError, DatabaseError, nextcord.DiscordException) as error:
                log.warning("Could not read the members of guild %s: %r", guild.id, error)
                known = []
            if known:
                await asyncio.sleep(CHECK_SECONDS)

    async def _check_unseen(self) -> None:
        """Ask Discord for the roles of people who just logged in on the web: OAuth's guild list has no roles."""
        try:
            for guild_id, discord_ids in (await in_thread(people_unseen)()).items():
                guild = self._bot.get_guild(int(guild_id))
                if guild is not None:
                    await self._check(guild, discord_ids[:MEMBERS_ASKED])
        except (TimeoutError, OSError, DatabaseError, nextcord.DiscordException) as error:
            log.warning("Shard %s: could not read the roles of new logins: %r", self._bot.shard_id, error)

    async def _check(self, guild: nextcord.Guild, discord_ids: list[str]) -> None:
        asked = [int(discord_id) for discord_id in discord_ids]
        members = await guild.query_members(user_ids=asked, limit=len(asked), cache=False)
        for member in members:
            await self.member(
                guild.id, member.id, [role.id for role in member.roles if not role.is_default()]
            )
        for person_id in set(asked) - {member.id for member in members}:
            await self.member_left(guild.id, person_id)

    async def voice(self, member: nextcord.Member, after: nextcord.VoiceState) -> None:
        if member.id != member.guild.me.id:
            async with self._locks[member.guild.id]:
                await from_database(
                    store_voice,
                    str(member.guild.id),
                    discord_id=str(member.id),
                    channel_id=str(after.channel.id) if after.channel else None,
                    name=member.display_name,
                    deafened=after.deaf or after.self_deaf,
                    bot=member.bot,
                )
        self._on_change(str(member.guild.id))

    async def left(self, guild_id: int) -> None:
        async with self._locks[guild_id]:
            await from_database(_left, str(guild_id))
        self._on_change(str(guild_id))

    async def outage(self, guild_id: int) -> None:
        async with self._locks[guild_id]:
            await from_database(note_outage, str(guild_id))

    async def drop_vanished(self) -> None:
        """After READY: mark the guilds of this shard that the bot is no longer in."""
        here = {str(guild.id) for guild in self._bot.guilds}
        number, count = self._bot.shard_id or 0, self._bot.shard_count or 1
        for guild_id in await in_thread(_installed)():
            if guild_id not in here and shard_of(guild_id, count) == number:
                await self.left(int(guild_id))

    async def note_outages(self) -> None:
        """Some time after READY: mark guilds that Discord has not sent as being in an outage."""
        installed = set(await in_thread(_installed)())
        for guild in self._bot.guilds:
            if guild.unavailable and str(guild.id) in installed:
                await self.outage(guild.id)


def _installed() -> list[str]:
    return list(Guild.objects.filter(bot_installed=True).values_list("pk", flat=True))


def _left(guild_id: str) -> None:
    """Handle the bot's removal from a guild: leave voice, and keep the queue."""
    with transaction.atomic():
        if bot_left(guild_id):
            execute(guild_id, "LeaveVoice", {}, origin=BOT)


def person_of(member: nextcord.Member | nextcord.User) -> dict[str, object]:
    """Return the fields of Discord's user object that `upsert_person` reads."""
    return {
        "id": str(member.id),
        "username": member.name,
        "global_name": member.global_name,
        "avatar": member.avatar.key if member.avatar else None,
    }


def store_member(member: nextcord.Member) -> User:
    """Store a member's user and membership as the gateway shows them. Returns the user."""
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
    """Return the people in voice. Without the members intent nextcord may know a person's id but not the member."""
    voices = []
    for channel in (*guild.voice_channels, *guild.stage_channels):
        for person_id, state in channel.voice_states.items():
            member = guild.get_member(person_id)
            if person_id != guild.me.id:
                voices.append(
                    Voice(
                        str(person_id),
                        str(channel.id),
                        member.display_name if member else "",
                        deafened=state.deaf or state.self_deaf,
                        bot=bool(member and member.bot),
                    )
                )
    return voices


def _channel(channel: nextcord.abc.GuildChannel) -> dict[str, object]:
    return {
        "id": str(channel.id),
        "type": channel.type.value,
        "name": channel.name,
        "position": channel.position,
        "parent_id": str(channel.category_id) if channel.category_id else None,
        # `channel.overwrites` leaves out members that are not in nextcord's cache.
        "overwrites": [
            {"id": str(over.id), "type": over.type, "allow": str(over.allow), "deny": str(over.deny)}
            for over in channel._overwrites
        ],
        "user_limit": getattr(channel, "user_limit", None) or 0,
    }


def _role(role: nextcord.Role) -> dict[str, object]:
    return {
        "id": str(role.id),
        "name": role.name,
        "color": role.color.value,
        "position": role.position,
        "permissions": role.permissions.value,
        "mentionable": role.mentionable,
        "managed": role.managed,
    }
