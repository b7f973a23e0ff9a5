"""Live delivery: one reader and one encoding per (process, store), sockets as cursors.

A hint, or the poll that makes up for lost ones, wakes the feed of a store. The feed reads what is new once,
keeps it in a bounded ring, and lets each subscription that is not busy drain on its own task. Subscriptions
are never awaited one after another, so a stalled one slows nobody; it is closed and may resume.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable

from realtime import hints
from realtime.db import in_thread
from realtime.queries import read_events, read_heads

log = logging.getLogger(__name__)

RING_EVENTS = 1024
READ_BATCH = 100  # also the most events in one frame
POLL_SECONDS = 2.0
STALL_SECONDS = 10.0

Send = Callable[[list[bytes], int], Awaitable[None]]


class Subscription:
    """One socket's place in one log. `send(events, remaining)` is awaited by one task at a time."""

    def __init__(self, feed: Feed, cursor: int, send: Send, on_lost: Callable[[str], None]) -> None:
        self.feed = feed
        self.cursor = cursor
        self.send = send
        self.on_lost = on_lost  # called once with "slow" or "epoch"; the subscription is dead then
        self.task: asyncio.Task[bool] | None = None
        self.progress_at = time.monotonic()

    def kick(self) -> None:
        """Drain, unless that is happening already."""
        if self.task is None and self.cursor < self.feed.head:
            self.progress_at = time.monotonic()
            self.task = asyncio.eager_task_factory(asyncio.get_running_loop(), self._drain())
            if self.task.done():
                self._drained(self.task)
            else:
                self.task.add_done_callback(self._drained)

    async def _drain(self) -> bool:
        """Returns whether the log can be read; if not, the poll tries again."""
        while self.cursor < self.feed.head:
            try:
                batch = await self.feed.read(self.cursor)
            except Exception as error:
                log.warning("Reading %s: %s", self.feed.name, type(error).__name__)
                return False
            if not batch:
                return False  # the rows vanished: the epoch check will tell
            self.cursor = batch[-1][0]
            self.progress_at = time.monotonic()
            await self.send([data for _, data in batch], max(0, self.feed.head - self.cursor))
            self.progress_at = time.monotonic()
        return True

    def _drained(self, task: asyncio.Task[bool]) -> None:
        self.task = None
        if task.cancelled():
            return
        if error := task.exception():
            # The socket is gone; its consumer hears of it by its own disconnect.
            log.debug("Subscription to %s ended: %s", self.feed.name, type(error).__name__)
            self.close()
        elif task.result():
            self.kick()  # the head may have moved since the last look at it

    def close(self) -> None:
        self.feed.subscriptions.discard(self)
        if self.task is not None:
            self.task.cancel()


class Feed:
    """The newest part of one log, and who reads it here."""

    def __init__(self, name: str, epoch: str, head: int) -> None:
        self.name = name
        self.epoch = epoch
        self.head = head
        self.ring: deque[tuple[int, bytes]] = deque(maxlen=RING_EVENTS)
        self.subscriptions: set[Subscription] = set()
        self.wake = asyncio.Event()
        self.task = asyncio.create_task(self._run(), name=f"feed {name}")

    async def read(self, after: int) -> list[tuple[int, bytes]]:
        """Return up to READ_BATCH events behind `after`, from the ring when it reaches back that far."""
        if self.ring and self.ring[0][0] <= after + 1:
            start = after + 1 - self.ring[0][0]  # seqs of a ring follow each other
            return [self.ring[i] for i in range(start, min(len(self.ring), start + READ_BATCH))]
        return await in_thread(read_events)(self.name, after=after, limit=READ_BATCH)

    async def _run(self) -> None:
        while True:
            await self.wake.wait()
            self.wake.clear()
            try:
                await self._catch_up()
            except Exception as error:
                # The database is away: the poll wakes us again, and the log still has everything.
                log.warning("Reading %s: %s", self.name, type(error).__name__)

    async def _catch_up(self) -> None:
        while True:
            news = await in_thread(read_events)(self.name, after=self.head, limit=READ_BATCH)
            for seq, data in news:
                if self.ring and self.ring[-1][0] + 1 != seq:
                    self.ring.clear()  # app stores may leave gaps; a ring must not
                self.ring.append((seq, data))
                self.head = seq
            for subscription in list(self.subscriptions):
                subscription.kick()
            if len(news) < READ_BATCH:
                return


class Hub:
    """All feeds of this process. Everything here runs on one event loop."""

    def __init__(self) -> None:
        self._feeds: dict[str, Feed] = {}
        self._poll = asyncio.create_task(self._run_poll(), name="hub poll")
        hints.ensure_relay()
        self._unlisten = hints.listen(self._hinted)

    def _hinted(self, store_name: str, seq: int) -> None:
        feed = self._feeds.get(store_name)
        if feed is not None:
            feed.wake.set()

    def subscribe(
        self,
        store_name: str,
        *,
        epoch: str,
        head: int,
        cursor: int,
        send: Send,
        on_lost: Callable[[str], None],
    ) -> Subscription:
        """Deliver every event behind `cursor`, in order, once, until closed.

        `(epoch, head)` is the position the caller just read; the feed starts there when it is new.
        """
        feed = self._feeds.get(store_name)
        if feed is not None and feed.epoch != epoch:  # the caller saw the new log before our poll did
            self._replace(feed)
            feed = None
        if feed is None:
            feed = self._feeds[store_name] = Feed(store_name, epoch, head)
        subscription = Subscription(feed, cursor, send, on_lost)
        feed.subscriptions.add(subscription)
        feed.wake.set()  # between the caller's read and now the head may have moved
        subscription.kick()
        return subscription

    async def _run_poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self._poll_once()
            except Exception as error:
                log.warning("Hub poll: %s", type(error).__name__)

    async def _poll_once(self) -> None:
        """Make up for lost hints, drop idle feeds, end what is stalled or behind a replaced log."""
        for name, feed in list(self._feeds.items()):
            if not feed.subscriptions:
                feed.task.cancel()
                del self._feeds[name]
        if not self._feeds:
            return
        watched = list(self._feeds.values())  # others may come while we read
        heads = await in_thread(read_heads)([feed.name for feed in watched])
        now = time.monotonic()
        for feed in watched:
            epoch, head = heads.get(feed.name, ("", 0))
            if self._feeds.get(feed.name) is not feed:
                continue
            if epoch != feed.epoch:
                self._replace(feed)
                continue
            if head > feed.head:
                feed.wake.set()
            stalled = [s for s in feed.subscriptions if s.task and now - s.progress_at > STALL_SECONDS]
            self._lose(feed, stalled, "slow")
            for subscription in feed.subscriptions:
                subscription.kick()

    def _replace(self, feed: Feed) -> None:
        """The log behind a feed is another one now."""
        feed.task.cancel()
        del self._feeds[feed.name]
        self._lose(feed, list(feed.subscriptions), "epoch")

    @staticmethod
    def _lose(feed: Feed, subscriptions: list[Subscription], reason: str) -> None:
        for subscription in subscriptions:
            log.info("Subscription to %s lost: %s", feed.name, reason)
            subscription.close()
            subscription.on_lost(reason)

    def close(self) -> None:
        self._unlisten()
        self._poll.cancel()
        for feed in self._feeds.values():
            feed.task.cancel()


_hub: tuple[asyncio.AbstractEventLoop, Hub] | None = None


def get_hub() -> Hub:
    """Return the hub of the running event loop; there is one loop per process outside of tests."""
    global _hub
    loop = asyncio.get_running_loop()
    if _hub is None or _hub[0] is not loop:
        if _hub is not None:
            _hub[1]._unlisten()  # its loop is gone, and its tasks with it
        _hub = (loop, Hub())
    return _hub[1]
