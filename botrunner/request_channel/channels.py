"""Request channels: every message in them is a /play.

Messages of a guild are taken one after another, in their order. Messages that were written while the bot was away
never arrive. A message that is delivered again, as when a session resumes, is queued once, because its id is the id of
the command.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from django.utils import translation
from nextcord.ext import commands

from accounts.discord import DiscordObject
from botrunner.additions import Additions
from botrunner.database import from_database
from botrunner.finds import read_message
from botrunner.reply import reply_with_error
from botrunner.request_channel.desk import Desk
from botrunner.request_channel.replies import NO_CONTENT, NOTHING
from botrunner.request_channel.request import Request, is_from_person, member_of
from botrunner.request_channel.rows import request_channel, request_channels
from botrunner.request_channel.sweep import find_leftovers, recent_messages
from botrunner.threads import in_daemon
from realtime import hints

log = logging.getLogger(__name__)

KNOWN_SECONDS = 15.0  # a hint about a changed setting may be lost
LIVE_SECONDS = 60.0  # a resumed session delivers what it missed
LAST_SECONDS = 2.0  # for requests in progress when the bot stops


class RequestChannels:
    """Takes the messages of one bot's guilds. Build it on the running loop.

    `on_other(guild id, channel id, message id)` is called for each message that stays in its channel. `reads_content`:
    whether Discord grants the message content intent.
    """

    pause = staticmethod(asyncio.sleep)  # how long refusals are shown

    def __init__(
        self,
        bot: commands.Bot,
        additions: Additions,
        *,
        reads_content: bool,
        on_other: Callable[[str, str, str], None],
    ) -> None:
        self._bot = bot
        self._additions = additions
        self._reads_content = reads_content
        self._on_other = on_other
        self._known: dict[str, tuple[str, str, float]] = {}  # (channel, language, until) by guild
        self._waiting: dict[str, deque[DiscordObject]] = {}
        self._lines: dict[str, asyncio.Task[None]] = {}
        self._desks: dict[str, Desk] = {}  # by channel
        self._ending = False
        self._unlisten = hints.listen(self._hinted)

    def hear(self, payload: DiscordObject) -> None:
        """Take a message, as Discord's Message Create."""
        guild_id = str(payload.get("guild_id") or "")
        if not guild_id or self._ending:
            return
        known = self._known.get(guild_id)
        if known is not None and known[2] > time.monotonic() and known[0] != payload["channel_id"]:
            self._on_other(guild_id, str(payload["channel_id"]), str(payload["id"]))
            return
        self._waiting.setdefault(guild_id, deque()).append(payload)
        if guild_id not in self._lines:
            self._lines[guild_id] = asyncio.create_task(self._serve(guild_id), name=f"requests of {guild_id}")

    async def sweep(self) -> None:
        """Remove what an earlier process left in the request channels of the bot's guilds."""
        assert self._bot.user is not None
        guild_ids = [str(guild.id) for guild in self._bot.guilds]
        for guild_id, channel_id in (await from_database(request_channels, guild_ids)).items():
            if self._ending:
                return
            recent = await in_daemon(partial(recent_messages, channel_id), name=f"sweep {channel_id}")
            left = await from_database(
                find_leftovers, guild_id, channel_id, recent, bot_id=str(self._bot.user.id)
            )
            _, language = await self._look_up(guild_id)
            desk = self._desks.get(channel_id) or self._open_desk(guild_id, channel_id, language)
            desk.tidy(left)

    async def is_request_channel(self, guild_id: int | None, channel_id: int | None) -> bool:
        chosen, _ = await self._look_up(str(guild_id))
        return chosen == str(channel_id)

    async def close(self) -> None:
        """Wait a moment for requests in progress, and remove what can be removed."""
        self._ending = True
        self._unlisten()
        self._waiting.clear()
        if self._lines:
            _, late = await asyncio.wait(self._lines.values(), timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
        closing = [asyncio.create_task(desk.close()) for desk in self._desks.values()]
        if closing:
            _, late = await asyncio.wait(closing, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()

    def _hinted(self, store_name: str, seq: int) -> None:
        guild_id = store_name.removeprefix("guild:")
        if known := self._known.get(guild_id):
            self._known[guild_id] = (known[0], known[1], 0.0)

    async def _serve(self, guild_id: str) -> None:
        """Take the waiting messages in order. Those that were queued are removed together, at the end."""
        done: list[Request] = []
        try:
            while waiting := self._waiting.get(guild_id):
                request = await self._take(guild_id, waiting.popleft())
                if request is not None:
                    done.append(request)
                if done and (not waiting or len(done) == 100):
                    self._desk(done[0]).remove(done)
                    done = []
        finally:
            del self._lines[guild_id]
            self._waiting.pop(guild_id, None)
            if done:
                self._desk(done[0]).remove(done)

    async def _take(self, guild_id: str, payload: DiscordObject) -> Request | None:
        """Carry out a message if it is a request. Returns the request if it was queued without a refusal."""
        channel_id = str(payload["channel_id"])
        guild = self._bot.get_guild(int(guild_id))
        chosen, language = await self._look_up(guild_id)
        if guild is None or channel_id != chosen or not is_from_person(payload):
            if not self._is_own(payload) or channel_id != chosen:
                self._on_other(guild_id, channel_id, str(payload["id"]))
            return None
        desk = self._desks.get(channel_id) or self._open_desk(guild_id, channel_id, language)
        desk.language = language
        request = Request(payload, member=member_of(payload, guild), language=language, say=desk.say)
        if request.age > LIVE_SECONDS:
            log.warning("%s: not queued, it arrived %.0f s late", request, request.age)
            return None
        await self._carry_out(request)
        if request.refusals:
            desk.refuse(request)
            return None
        return request

    def _is_own(self, payload: DiscordObject) -> bool:
        return self._bot.user is not None and payload["author"]["id"] == str(self._bot.user.id)

    async def _look_up(self, guild_id: str) -> tuple[str, str]:
        """Return the guild's request channel, or "", and its language. Without a database, what was known last."""
        known = self._known.get(guild_id)
        if known is None or known[2] <= time.monotonic():
            try:
                channel_id, language = await from_database(request_channel, guild_id)
            except Exception as error:
                log.warning("Guild %s: could not read the request channel: %r", guild_id, error)
                return known[:2] if known else ("", "")
            known = self._known[guild_id] = (channel_id, language, time.monotonic() + KNOWN_SECONDS)
        return known[:2]

    def _open_desk(self, guild_id: str, channel_id: str, language: str) -> Desk:
        self._desks[channel_id] = desk = Desk(
            guild_id=guild_id,
            channel_id=channel_id,
            language=language,
            on_kept=partial(self._on_other, guild_id, channel_id),
            pause=self.pause,
        )
        return desk

    def _desk(self, request: Request) -> Desk:
        return self._desks[str(request.channel_id)]

    async def _carry_out(self, request: Request) -> None:
        """Add what a message names. The refusals are in the request afterwards."""
        try:
            with translation.override(request.language):
                await self._add(request)
        except Exception as error:
            await reply_with_error(request, error)

    async def _add(self, request: Request) -> None:
        assert self._bot.user is not None
        text = request.text(self._bot.user.id)
        finds = read_message(request.payload | {"content": text})
        if finds:
            await self._additions.add(request, finds)
        elif text:
            await self._additions.add_query(request, text)
        else:
            await request.reply(NOTHING if self._reads_content else NO_CONTENT, private=True)
