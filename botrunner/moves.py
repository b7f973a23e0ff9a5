"""Handles moves and disconnections of the bot by other people."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import nextcord

DELETION_SECONDS = 0.3


class Moves:
    """Writes moves in the order in which they happened."""

    def __init__(self) -> None:
        self._last: asyncio.Task[None] | None = None

    @property
    def pending(self) -> bool:
        return self._last is not None

    def add(self, writing: Coroutine[Any, Any, None]) -> None:
        """Run `writing` after the earlier moves are written."""
        before = self._last

        async def write() -> None:
            if before is not None:
                await asyncio.wait({before})
            await writing

        self._last = asyncio.create_task(write())

    async def settle(self) -> None:
        """Wait until every move is written. Raises what the last one raised."""
        while (writing := self._last) is not None:
            await asyncio.wait({writing})
            if self._last is writing:
                self._last = None
            writing.result()


async def is_deleted(channel: nextcord.abc.GuildChannel, bot: nextcord.Client) -> bool:
    """Whether the bot was disconnected because its channel was deleted. That event may arrive a moment later."""

    def is_it(deleted: nextcord.abc.GuildChannel) -> bool:
        return deleted.id == channel.id

    if channel.guild.get_channel(channel.id) is None:
        return True
    try:
        await bot.wait_for("guild_channel_delete", check=is_it, timeout=DELETION_SECONDS)
    except TimeoutError:
        return False
    return True
