"""Renews a process's leases, and wakes resting reconcilers when there is work for them.

Hundreds of guilds are idle at any time. One statement renews all leases, and one query checks all resting guilds, so
an idle guild costs far less than one that plays.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Protocol

from queue_app.domain.playback import free_leases, renew_leases
from realtime.db import in_thread
from realtime.outages import log_failure
from realtime.queries import read_heads

log = logging.getLogger(__name__)

WAITING_SECONDS = 1.0  # the longest delay until a lease that became free is noticed
RENEW_SECONDS = 2.0  # a quarter of the lease
RESTING_SECONDS = 5.0  # the longest delay after a lost hint


class Holder(Protocol):
    """A reconciler. `owner` is its name in the lease. While it is `resting`, only an event gives it work."""

    guild_id: str
    owner: str

    @property
    def leased(self) -> bool: ...
    @property
    def resting(self) -> bool: ...
    def wake(self) -> None: ...
    def lose_lease(self) -> None: ...


class LeaseKeeper:
    """One per process. Build it on the running loop."""

    def __init__(self) -> None:
        self._holders: set[Holder] = set()
        self._heads: dict[str, int] = {}  # by guild id, as of the last look
        self._renew_at = self._look_at = 0.0
        self._task = asyncio.create_task(self._run(), name="leases")

    def add(self, holder: Holder) -> None:
        self._holders.add(holder)

    def remove(self, holder: Holder) -> None:
        self._holders.discard(holder)

    def close(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(WAITING_SECONDS)
            try:
                await self._keep()
            except Exception as error:
                log_failure(log, error, "Could not renew the leases of guilds, retrying")

    async def _keep(self) -> None:
        now = time.monotonic()
        if now >= self._renew_at:
            await self._renew()
            self._renew_at = now + RENEW_SECONDS
        await self._offer()
        if now >= self._look_at:
            await self._look()
            self._look_at = now + RESTING_SECONDS

    async def _renew(self) -> None:
        held = {holder.guild_id: holder for holder in self._holders if holder.leased}
        if not held:
            return
        kept = await in_thread(renew_leases)({guild_id: holder.owner for guild_id, holder in held.items()})
        for guild_id in held.keys() - kept:
            held[guild_id].lose_lease()

    async def _offer(self) -> None:
        """Wake holders without a lease whose guild's lease was released or has expired."""
        waiting = [holder for holder in self._holders if not holder.leased]
        if not waiting:
            return
        _wake(waiting, await in_thread(free_leases)([holder.guild_id for holder in waiting]))

    async def _look(self) -> None:
        """Wake resting holders whose log has grown, in case the hint was lost."""
        resting = [holder for holder in self._holders if holder.resting]
        if not resting:
            return
        heads = await in_thread(read_heads)([f"guild:{holder.guild_id}" for holder in resting])
        found = {name.removeprefix("guild:"): head for name, (_, head) in heads.items()}
        _wake(resting, {guild_id for guild_id, head in found.items() if self._heads.get(guild_id) != head})
        self._heads = found


def _wake(holders: Iterable[Holder], guild_ids: set[str]) -> None:
    for holder in holders:
        if holder.guild_id in guild_ids:
            holder.wake()
