"""Live delivery: each process reads and encodes a store's new events once, and each socket has a cursor.

A hint, or the poll that makes up for lost hints, wakes a store's feed. The feed reads the new events once, keeps them
in a bounded ring, and passes them to each subscription whose socket accepts them at once. A subscription that must wait
does so in its own task, so a stalled socket slows nobody else; it is closed and may resume. A subscription that has
fallen behind the ring reads from the database.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Coroutine, Hashable, Iterable
from itertools import accumulate, islice
from operator import itemgetter
from typing import Any

from realtime import hints, metrics
from realtime.db import in_thread
from realtime.errors import CursorTooOld
from realtime.kinds import keep_up
from realtime.outages import log_failure
from realtime.per_loop import PerLoop
from realtime.queries import Logged, read_heads, read_log

log = logging.getLogger(__name__)

RING_EVENTS = 1024
RING_BYTES = 1_000_000
READ_BATCH = 100  # also the most events in one frame
BATCH_BYTES = 256_000  # of one frame; a larger event gets a frame of its own
READ_BYTES = 4_000_000  # in memory for one slow reader; a hundred events may be a hundred megabytes
POLL_SECONDS = 2.0
STALL_SECONDS = 10.0  # a socket that reads nothing for so long is slow
# It is also slow if BEHIND_BYTES are appended while it reads nothing for BEHIND_SECONDS.
BEHIND_BYTES = 1_000_000
BEHIND_SECONDS = 1.0  # not less: two large pushes in a row do not make a reader slow


class Batch:
    """Consecutive events, shared by all sockets that get the same ones. `last` is the seq of the last one."""

    __slots__ = ("_made", "events", "last", "remaining")

    def __init__(self, events: list[bytes], *, last: int, remaining: int) -> None:
        self.events = events
        self.last = last
        self.remaining = remaining
        self._made: dict[Hashable, Any] = {}

    def shared[T](self, key: Hashable, make: Callable[[Batch], T]) -> T:
        """Return `make(batch)`, called once per key, so that sockets with the same encoding share it."""
        made: T | None = self._made.get(key)
        if made is None:
            made = self._made[key] = make(self)
        return made


def in_batches(events: Iterable[tuple[int, bytes]], head: int) -> list[Batch]:
    """Return events, given in order with their seqs, as batches of at most BATCH_BYTES (or one larger event)."""
    batches: list[Batch] = []
    size = BATCH_BYTES
    for seq, data in events:
        if size + len(data) > BATCH_BYTES:
            batches.append(Batch([], last=seq, remaining=0))
            size = 0
        size += len(data)
        batches[-1].events.append(data)
        batches[-1].last = seq
    for batch in batches:
        batch.remaining = max(0, head - batch.last)
    return batches


class Paging:
    """Chooses how many events to read at a time, so that a slow reader keeps only about READ_BYTES in memory."""

    def __init__(self) -> None:
        self.limit = READ_BATCH

    def cut[Sized: tuple[Any, ...]](self, events: list[Sized]) -> list[Sized]:
        """Return the first events that fit into READ_BYTES, at least one, and adapt `limit`. Field 1 is their data."""
        ends = list(accumulate(len(event[1]) for event in events))
        count = max(1, bisect_right(ends, READ_BYTES))
        self.limit = count if count < len(events) else min(READ_BATCH, 2 * self.limit)
        return events[:count]


# Returns None when the socket took the batch at once, else a coroutine that ends when the batch is sent.
Send = Callable[[Batch], Coroutine[Any, Any, None] | None]


class Subscription:
    """One socket's position in one log. It sends one batch at a time."""

    __slots__ = ("appended_then", "closed", "cursor", "feed", "on_lost", "send", "task", "waiting_since")

    def __init__(self, feed: Feed, cursor: int, send: Send, on_lost: Callable[[str], None]) -> None:
        self.feed = feed
        self.cursor = cursor
        self.send = send
        self.on_lost = on_lost  # called once, after it is closed, with "slow", "epoch" or "pruned"
        self.task: asyncio.Task[bool] | None = None
        self.waiting_since: float | None = None  # waiting for the socket, not for the database
        self.appended_then = 0
        self.closed = False

    def kick(self) -> None:
        """Send the available events while the socket accepts them at once, then continue in a task."""
        # `closed`, because a task that ended just before `close` still calls `_done` after it.
        while self.task is None and self.cursor < self.feed.head and not self.closed:
            batch = self.feed.batch(self.cursor)
            if batch is None:
                self._start(self._catch_up())
                return
            try:
                pending = self._take(batch)
            except Exception as error:
                self._ended_by(error)
                return
            if pending is not None:
                self._start(self._wait_for(pending))

    def _take(self, batch: Batch) -> Coroutine[Any, Any, None] | None:
        self.cursor = batch.last
        pending = self.send(batch)
        if pending is not None:
            self.waiting_since = time.monotonic()
            self.appended_then = self.feed.appended
        return pending

    async def _wait_for(self, pending: Coroutine[Any, Any, None]) -> bool:
        await pending
        self.waiting_since = None
        return True

    async def _catch_up(self) -> bool:
        """Return whether events were read. If not, the poll tries again."""
        try:
            batches = await self.feed.read(self.cursor)
        except CursorTooOld:
            self.feed.lose([self], "pruned")
            return False
        except Exception as error:
            log_failure(log, error, "Could not read the log %s", self.feed.name)
            return False
        for batch in batches:
            if (pending := self._take(batch)) is not None:
                await self._wait_for(pending)
        return bool(batches)  # if the rows are gone, the poll's epoch check finds out why

    def _start(self, work: Coroutine[Any, Any, bool]) -> None:
        # Eager, because a task that is cancelled before it starts would leave its coroutine unawaited.
        task = asyncio.eager_task_factory(asyncio.get_running_loop(), work)
        self.task = task
        if task.done():
            self._done(task)
        else:
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[bool]) -> None:
        self.task = None
        if task.cancelled():
            return
        if error := task.exception():
            self._ended_by(error)
        elif task.result():
            self.kick()  # the head may have moved meanwhile

    def _ended_by(self, error: BaseException) -> None:
        if isinstance(error, OSError):  # the peer is gone; its consumer gets a disconnect of its own
            log.debug("A subscriber of the log %s disconnected: %r", self.feed.name, error)
        else:
            log.error("Could not send events of the log %s to a socket", self.feed.name, exc_info=error)
        self.close()

    def is_slow(self, now: float) -> bool:
        if self.waiting_since is None:
            return False
        waited = now - self.waiting_since
        behind = self.feed.appended - self.appended_then
        return waited > STALL_SECONDS or (waited > BEHIND_SECONDS and behind > BEHIND_BYTES)

    def close(self) -> None:
        """Stop sending. The peer may or may not have received the batch being sent."""
        self.closed = True
        self.feed.subscriptions.discard(self)
        if self.task is not None:
            self.task.cancel()


class Feed:
    """The newest events of one log, and its subscriptions in this process."""

    def __init__(self, name: str, epoch: str, head: int) -> None:
        self.name = name
        self.epoch = epoch
        self.head = head
        self.appended = 0  # bytes in total
        self.subscriptions: set[Subscription] = set()
        self.wake = asyncio.Event()
        # Every event after `_floor`, in order. Seqs may have gaps, but no event between two in the ring is missing.
        self._ring: deque[tuple[int, bytes]] = deque()
        self._ring_bytes = 0
        self._floor = head
        self._batches: dict[int, Batch] = {}  # by cursor, until the head moves
        # By cursor, so that sockets that resume together share a read.
        self._reads: dict[int, asyncio.Task[list[Batch]]] = {}
        self._paging = Paging()
        self.task = asyncio.create_task(self._run(), name=f"feed {name}")

    def batch(self, cursor: int) -> Batch | None:
        """Return the batch after a cursor below the head, None when the ring does not reach back that far."""
        found = self._batches.get(cursor)
        if found is None and cursor >= self._floor:
            start = bisect_right(self._ring, cursor, key=itemgetter(0))
            found = in_batches(islice(self._ring, start, start + READ_BATCH), self.head)[0]
            self._batches[cursor] = found
        return found

    async def read(self, cursor: int) -> list[Batch]:
        """Return the next events after a cursor from the database, an empty list when there are none."""
        task = self._reads.get(cursor)
        if task is None:
            task = self._reads[cursor] = asyncio.create_task(self._read(cursor))
        return await asyncio.shield(task)

    async def _read(self, cursor: int) -> list[Batch]:
        try:
            events = await self._read_log(cursor, self._paging.limit)
        finally:
            del self._reads[cursor]
        return in_batches(((event.seq, event.data) for event in self._paging.cut(events)), self.head)

    async def _read_log(self, cursor: int, limit: int = READ_BATCH) -> list[Logged]:
        return await in_thread(read_log)(self.name, after=cursor, limit=limit, epoch=self.epoch)

    async def _run(self) -> None:
        while True:
            await self.wake.wait()
            self.wake.clear()
            try:
                while await self._read_news() == READ_BATCH:
                    pass
            except CursorTooOld:  # pruned while the database was unavailable
                self.lose(list(self.subscriptions), "pruned")
            except Exception as error:
                # The database may be unavailable. The poll wakes us again, and the log still has everything.
                log_failure(log, error, "Could not read the log %s", self.name)

    async def _read_news(self) -> int:
        """Deliver the events appended after the head. Returns how many there were, at most READ_BATCH."""
        news = await self._read_log(self.head)
        for event in news:
            self._ring.append((event.seq, event.data))
            self._ring_bytes += len(event.data)
            self.appended += len(event.data)
            self.head = event.seq
        while len(self._ring) > RING_EVENTS or self._ring_bytes > RING_BYTES:
            self._floor, dropped = self._ring.popleft()
            self._ring_bytes -= len(dropped)
        self._batches.clear()
        self.kick_all()
        lag = metrics.DELIVERY_LAG.labels(metrics.kind_of(self.name))
        now = time.time()
        for event in news:
            lag.observe(max(0.0, now - event.created_at))
        return len(news)

    def kick_all(self) -> None:
        now = time.monotonic()
        slow = []
        for subscription in list(self.subscriptions):
            if subscription.task is None:
                subscription.kick()
            elif subscription.is_slow(now):
                slow.append(subscription)
        self.lose(slow, "slow")

    def lose(self, subscriptions: Iterable[Subscription], reason: str) -> None:
        for subscription in subscriptions:
            log.info("feed.lost store=%s reason=%s", self.name, reason)
            subscription.close()
            subscription.on_lost(reason)

    def close(self) -> None:
        self.task.cancel()


class Hub:
    """All feeds of this process. Everything here runs on one event loop."""

    def __init__(self) -> None:
        self._feeds: dict[str, Feed] = {}
        self._poll = asyncio.create_task(self._run_poll(), name="hub poll")
        hints.ensure_relay()
        # Public for the cleanup after the loop has ended. The hub's tasks have ended with the loop.
        self.unlisten = hints.listen(self._hinted)

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
        """Deliver every event after `cursor`, in order and once, until the subscription is closed.

        `(epoch, head)` is the position that the caller just read. A new feed starts there.
        """
        feed = self._feeds.get(store_name)
        if feed is not None and feed.epoch != epoch:  # the caller saw the new log before our poll did
            self._replace(feed)
            feed = None
        if feed is None:
            feed = self._feeds[store_name] = Feed(store_name, epoch, head)
        subscription = Subscription(feed, cursor, send, on_lost)
        feed.subscriptions.add(subscription)
        feed.wake.set()  # the head may have moved since the caller read it
        subscription.kick()
        return subscription

    async def _run_poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS * random.uniform(0.8, 1.2))  # processes should not poll in step
            try:
                await self._poll_once()
            except Exception as error:
                log_failure(log, error, "Could not poll the heads of the logs")

    async def _poll_once(self) -> None:
        """Drop idle feeds, close slow subscriptions, run `upkeep`, and find new heads and replaced logs."""
        for name, feed in list(self._feeds.items()):
            if not feed.subscriptions:
                feed.close()
                del self._feeds[name]
        if not self._feeds:
            return
        watched = list(self._feeds.values())  # a copy: feeds may be added while we read
        for feed in watched:
            feed.kick_all()  # closes slow subscriptions even while the database is unavailable
        names = [feed.name for feed in watched]
        await in_thread(keep_up)(names)
        heads = await in_thread(read_heads)(names)
        for feed in watched:
            epoch, head = heads.get(feed.name, ("", 0))
            if self._feeds.get(feed.name) is not feed:
                continue
            if epoch != feed.epoch:
                self._replace(feed)
            elif head > feed.head:
                feed.wake.set()

    def _replace(self, feed: Feed) -> None:
        """Drop a feed whose log was replaced by one with another epoch."""
        feed.close()
        del self._feeds[feed.name]
        feed.lose(list(feed.subscriptions), "epoch")

    def close(self) -> None:
        self.unlisten()
        self._poll.cancel()
        for feed in self._feeds.values():
            feed.close()


get_hub = PerLoop(Hub, clean_up=lambda hub: hub.unlisten())
