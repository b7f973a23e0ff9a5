"""The current track as the status of a voice channel: the line of text under its name.

https://docs.discord.com/developers/resources/channel#set-voice-channel-status

nextcord has no method, permission flag or event for it. Discord documents no rate limit of its own, so a status is
sent only when it changes, not more often than every `FLOOR_SECONDS`, and the newest text wins.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque

import aiohttp
import nextcord
from nextcord.http import Route

from accounts.discord import DiscordObject
from botrunner.labels import cut
from guilds.channel_permissions import MANAGE_CHANNELS, SET_VOICE_CHANNEL_STATUS

log = logging.getLogger(__name__)

MAX_STATUS = 500
MARK = "🎵 "  # a status that begins with it is taken to be from an earlier run of the bot
REQUEST_CHANNEL_INFO = 43  # gateway opcode
INFO_SECONDS = 2.0  # to wait for the status that a channel already has
FLOOR_SECONDS = 2.0
HOLD_SECONDS = 600.0  # after a refusal
RETRY_SECONDS = 30.0
CLEAR_SECONDS = 2.0


def status_of(title: str) -> str:
    return cut(MARK + title, MAX_STATUS)


class ChannelStatus:
    """Shows a text in the bot's voice channel, and nothing in the guild's other channels. On the event loop only.

    A text that somebody else has set stays as it is, until it is removed.
    """

    def __init__(self, bot: nextcord.Client, guild_id: str) -> None:
        self._bot = bot
        self._guild_id = int(guild_id)
        self._wanted = (0, "")  # channel id and text
        self._known: dict[int, str] = {}  # the status of each channel, as far as Discord has reported it
        self._ours: deque[str] = deque([""], maxlen=16)
        self._not_before: dict[int, float] = {}  # by channel, after a refusal
        self._informed: asyncio.Event | None = None  # set when Discord has reported all statuses
        self._hurry = asyncio.Event()  # the bot leaves
        self._task: asyncio.Task[None] | None = None

    def show(self, channel_id: str | None, text: str) -> None:
        """Show `text` in a channel, or remove the text if it is empty. Returns at once, and is cheap if repeated."""
        self._wanted = (int(channel_id), text) if channel_id and text else (0, "")
        if not self._wanted[0] and self._informed is None:
            return  # nothing was shown yet
        if self._task is None or self._task.done():
            if self._next() is None and self._informed is not None:
                return
            self._task = asyncio.create_task(self._run(), name=f"channel status {self._guild_id}")

    async def clear(self) -> None:
        """Remove the text before the bot leaves or moves: afterwards that would need Manage Channels."""
        self._hurry.set()
        self.show(None, "")
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task], timeout=CLEAR_SECONDS)
        self._hurry.clear()

    def heard(self, channels: list[DiscordObject]) -> None:
        """Note statuses that Discord reports: `[{id, status}]`."""
        for channel in channels:
            self._known[int(channel["id"])] = channel.get("status") or ""

    def heard_all(self, channels: list[DiscordObject]) -> None:
        """Note the statuses of all voice channels, as at the first use."""
        self.heard(channels)
        self._ours += (text for text in self._known.values() if text.startswith(MARK))
        if self._informed is not None:
            self._informed.set()

    async def _run(self) -> None:
        if self._informed is None:
            await self._ask()
        while (due := self._next()) is not None:
            channel_id, text = due
            self._ours.append(text)
            await self._put(channel_id, text)
            try:
                async with asyncio.timeout(FLOOR_SECONDS):
                    await self._hurry.wait()
            except TimeoutError:
                pass

    async def _ask(self) -> None:
        """Ask Discord for the statuses of the guild's channels, in case a person or an earlier run has set one."""
        self._informed = asyncio.Event()
        request = {"guild_id": str(self._guild_id), "fields": ["status"]}
        try:
            async with asyncio.timeout(INFO_SECONDS):
                await self._bot.ws.send_as_json({"op": REQUEST_CHANNEL_INFO, "d": request})
                await self._informed.wait()
        except (
            OSError,
            aiohttp.ClientError,
            nextcord.DiscordException,
        ) as error:  # TimeoutError is an OSError
            log.info("Guild %s: Discord did not report the channels' statuses: %r", self._guild_id, error)

    def _next(self) -> tuple[int, str] | None:
        """Return the next channel whose status should change and may be changed, and the text."""
        wanted_id, text = self._wanted
        for channel_id in {**self._known, **({wanted_id: ""} if wanted_id else {})}:
            shown = self._known.get(channel_id, "")
            due = text if channel_id == wanted_id else ""
            if shown != due and shown in self._ours and self._may(channel_id):
                return channel_id, due
        return None

    def _may(self, channel_id: int) -> bool:
        guild = self._bot.get_guild(self._guild_id)
        channel = guild.get_channel(channel_id) if guild is not None else None
        if guild is None or guild.me is None or not isinstance(channel, nextcord.VoiceChannel):
            return False
        state = guild.me.voice
        needed = SET_VOICE_CHANNEL_STATUS
        if state is None or state.channel != channel:
            needed |= MANAGE_CHANNELS
        if channel.permissions_for(guild.me).value & needed != needed:
            self._not_before.pop(channel_id, None)  # a refusal is explained now, and ends with the permission
            return False
        return time.monotonic() >= self._not_before.get(channel_id, 0.0)

    async def _put(self, channel_id: int, text: str) -> None:
        route = Route("PUT", "/channels/{channel_id}/voice-status", channel_id=channel_id)
        try:
            await self._bot.http.request(route, json={"status": text or None})
            self._known[channel_id] = text
            return
        except (OSError, aiohttp.ClientError, nextcord.DiscordServerError) as error:
            log.info("Could not set the status of channel %s, retrying: %r", channel_id, error)
            hold = RETRY_SECONDS
        except nextcord.HTTPException as error:
            log.info("Discord refused the status of channel %s: %r", channel_id, error)
            hold = HOLD_SECONDS
        self._not_before[channel_id] = time.monotonic() + hold
