"""What the bot's profile shows: the setting BOT_PRESENCE, a text or the track that plays."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import aiohttp
import nextcord
from django.conf import settings
from django.db import DatabaseError

from botrunner.labels import cut, label
from queue_app.models import Player
from realtime import hints
from realtime.db import in_thread
from realtime.outages import log_failure

log = logging.getLogger(__name__)

TRACK = "track"  # the value of BOT_PRESENCE for the track that plays
MAX_TEXT = 128
GAP_SECONDS = 4.0  # Discord accepts 5 updates in 20 s from each shard
POLL_SECONDS = 30.0  # to find changes whose hint was lost


def current_track() -> str:
    """Return the track that plays, "" if none does. "" also if several guilds play, because all would see it."""
    playing = Player.objects.filter(sounding=True, item__isnull=False).select_related("item__track")[:2]
    if len(playing) != 1 or playing[0].item is None:
        return ""
    track = playing[0].item.track
    return label(track.title or track.uri, track.artist)


class Presence:
    """Keeps a shard's presence up to date. Call `start` after each READY, on the running loop, and `close` at the end.

    Discord ignores updates beyond its limit, so there is a gap between two, and the newest text wins.
    """

    def __init__(self, bot: nextcord.Client) -> None:
        self._bot = bot
        self._shown = ""
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._unlisten: Callable[[], None] | None = None

    def start(self) -> None:
        """Show the presence. A new session has none."""
        self._shown = ""
        self._wake.set()
        if self._task is None and settings.BOT_PRESENCE:
            self._unlisten = hints.listen(lambda store_name, seq: self._wake.set(), calm=lambda *hint: None)
            self._task = asyncio.create_task(self._run(), name=f"presence of shard {self._bot.shard_id}")

    async def close(self) -> None:
        if self._unlisten is not None:
            self._unlisten()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                text = (
                    await in_thread(current_track)()
                    if settings.BOT_PRESENCE == TRACK
                    else settings.BOT_PRESENCE
                )
                if text != self._shown:
                    await self._bot.change_presence(activity=_activity(text))
                    self._shown = text
                    await asyncio.sleep(GAP_SECONDS)
            except (OSError, aiohttp.ClientError, DatabaseError, nextcord.DiscordException) as error:
                log_failure(log, error, "Could not update the presence, retrying")


def _activity(text: str) -> nextcord.BaseActivity | None:
    if not text:
        return None
    if settings.BOT_PRESENCE == TRACK:
        return nextcord.Activity(type=nextcord.ActivityType.listening, name=cut(text, MAX_TEXT))
    return nextcord.CustomActivity(name=cut(text, MAX_TEXT))
