"""Stores a shard's state every few seconds, so that other processes know whether its mirror is current."""

from __future__ import annotations

import asyncio
import logging
import math
from datetime import datetime

import nextcord
from django.db import DatabaseError
from django.utils import timezone

from guilds.domain.shards import note_shard
from realtime.db import in_thread
from realtime.outages import log_failure

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0  # guilds/freshness.py waits for three beats


def milliseconds(seconds: float) -> int | None:
    """Convert nextcord's latency. Returns None before the first measurement, when it is NaN or infinite."""
    return round(seconds * 1000) if math.isfinite(seconds) else None


class Heartbeat:
    """Keeps one shard's row current. `process` names this process."""

    def __init__(self, bot: nextcord.Client, *, process: str) -> None:
        self._bot = bot
        self._process = process
        self._connected = False
        self._ready_at: datetime | None = None
        self._writing = asyncio.Lock()  # two beats are written in the order in which they happened
        self._task = asyncio.create_task(self._run(), name=f"heartbeat of shard {bot.shard_id}")

    async def ready(self) -> None:
        """Note that a new session began (READY)."""
        self._ready_at = timezone.now()
        await self.beat(connected=True)

    async def beat(self, *, connected: bool) -> None:
        self._connected = connected
        async with self._writing:
            await in_thread(note_shard)(
                self._bot.shard_id or 0,
                self._bot.shard_count or 1,
                process=self._process,
                connected=self._connected,
                ready_at=self._ready_at,
                latency_ms=milliseconds(self._bot.latency),
                guilds=len(self._bot.guilds),
                members_intent=self._bot.intents.members,
                content_intent=self._bot.intents.message_content,
            )

    async def close(self) -> None:
        """Store that the shard is disconnected. Raises nothing."""
        self._task.cancel()
        await self._try(connected=False)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            if self._connected:
                await self._try(connected=True)

    async def _try(self, *, connected: bool) -> None:
        try:
            await self.beat(connected=connected)
        except DatabaseError as error:
            log_failure(log, error, "Shard %s: could not store the heartbeat", self._bot.shard_id)
