"""Posts the alerts in a shard's outbox: claims, sends and settles them, a few at a time and none twice."""

from __future__ import annotations

import asyncio
import logging

from django.db import DatabaseError

from alerts.domain.delivery import Delivery, deliver
from alerts.domain.outbox import claim_due, waiting_since
from alerts.domain.settle import settle
from alerts.metrics import show_waiting
from botrunner.threads import in_daemon
from realtime import hints
from realtime.db import in_thread
from realtime.outages import log_failure

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0  # finds alerts whose hint was lost, and those that only now became due
BREATH_SECONDS = 0.1  # at least this long between two claims, however many alerts are written
AT_ONCE = 8
LOOK_SECONDS = 10.0  # between two measurements of the waiting time, for monitoring
LAST_SECONDS = 2.0  # for posts still in progress when the bot stops


class AlertPoster:
    """Posts one shard's alerts. `owner` names this process. Build it on the running loop, then call `start`."""

    def __init__(self, *, shard: int, count: int, owner: str) -> None:
        self._shard, self._count, self._owner = shard, count, owner
        self._wake = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._unlisten = hints.listen(self._hinted)
        # It also runs while the shard cannot connect, when the figure matters most.
        self._looking = asyncio.create_task(self._look(), name=f"waiting alerts of shard {shard}")

    def start(self) -> None:
        """Start posting, once the shard is connected. A second call does nothing."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"alerts of shard {self._shard}")

    async def close(self) -> None:
        """Claim no more, and wait a moment for posts in progress. Posts that are cut off are retried by another bot."""
        self._unlisten()
        self._looking.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()

    def _hinted(self, store_name: str, seq: int) -> None:
        if store_name.startswith("stream:"):
            self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            room = AT_ONCE - len(self._under_way)
            for delivery in await self._claim(room) if room else []:
                task = asyncio.create_task(self._deliver(delivery), name=f"alert post {delivery.post_id}")
                self._under_way.add(task)
                task.add_done_callback(self._done)
            await asyncio.sleep(BREATH_SECONDS)
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _look(self) -> None:
        """Update the metric of how long alerts have been waiting."""
        while True:
            try:
                show_waiting(
                    self._shard, await in_thread(waiting_since)(shard=self._shard, count=self._count)
                )
            except DatabaseError as error:
                log_failure(log, error, "Shard %s: could not count the waiting alerts", self._shard)
            await asyncio.sleep(LOOK_SECONDS)

    async def _claim(self, room: int) -> list[Delivery]:
        claim = in_thread(claim_due)
        try:
            return await claim(owner=self._owner, shard=self._shard, count=self._count, limit=room)
        except Exception as error:  # the next poll tries again
            log_failure(log, error, "Shard %s: could not claim alerts", self._shard)
        return []

    async def _deliver(self, delivery: Delivery) -> None:
        # Not in the ORM's thread pool: Discord may be slow.
        outcome = await in_daemon(lambda: deliver(delivery), name="alert")
        await in_thread(settle)(delivery, outcome)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._wake.set()  # there is room for the next
        if not task.cancelled() and (error := task.exception()):
            log.error("Could not store the outcome of %s, retrying", task.get_name(), exc_info=error)
