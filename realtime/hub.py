"""Live delivery: one reader and one encoding per (process, store), sockets as cursors.

A hint, or the poll that makes up for lost ones, wakes the feed of a store. The feed reads what is new once,
keeps it in a bounded ring, and hands it to each subscription whose socket takes it at once. One that must wait
does so on a task of its own: subscriptions are never awaited one after another, so a stalled one slows nobody.
It is closed and may resume. Who is behind the ring reads from the database.
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
BATCH_BYTES = 256_000  # of one frame; an event that is larger goes alone
READ_BYTES = 4_000_000  # kept for one who catches up slowly; a hundred events may be a hundred megabytes
POLL_SECONDS = 2.0
STALL_SECONDS = 10.0  # without taking anything
BEHIND_BYTES = 1_000_000  # appended while a socket takes nothing ...
BEHIND_SECONDS = 1.0  # ... for so long: two large pushes in a row are nobody's fault


class Batch:
    """Events that follow each other, shared by all sockets that get the same ones. `last` is their last seq."""

    __slots__ = ("_made", "events", "last", "remaining")

    def __init__(self, events: list[bytes], *, last: int, remaining: int) -> None:
        self.events = events
        self.last = last
        self.remaining = remaining
        self._made: dict[Hashable, Any] = {}

    def shared[T](self, key: Hashable, make: Callable[[Batch], T]) -> T:
        """Return `make(batch)`, made once per key: whoever would get the same encoding shares it."""
        made: T | None = self._made.get(key)
        if made is None:
            made = self._made[key] = make(self)
        return made


def in_batches(events: Iterable[tuple[int, bytes]], head: int) -> list[Batch]:
    """Return events, given with their seqs and in order, as frames of at most BATCH_BYTES."""
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
    """How many events to read at a time, so that one who is slow to take them holds about READ_BYTES."""

    def __init__(self) -> None:
        self.limit = READ_BATCH

    def cut[Sized: tuple[Any, ...]](self, events: list[Sized]) -> list[Sized]:
        """Return the first of these events, whose second field is their data, and learn how many that are."""
        ends = list(accumulate(len(event[1]) for event in events))
        count = max(1, bisect_right(ends, READ_BYTES))
        self.limit = count if count < len(events) else min(READ_BATCH, 2 * self.limit)
        return events[:count]


# Returns null when the socket took the batch at once, else a coroutine that ends when it did.
Send = Callable[[Batch], Coroutine[Any, Any, None] | None]


class Subscription:
    """One socket's place in one log. No two of its sends run at once."""

    __slots__ = ("appended_then", "closed", "cursor", "feed", "on_lost", "send", "task", "waiting_since")

    def __init__(self, feed: Feed, cursor: int, send: Send, on_lost: Callable[[str], None]) -> None:
        self.feed = feed
        self.cursor = cursor
        self.send = send
        self.on_lost = on_lost  # called once with "slow", "epoch" or "pruned"; the subscription is dead then
        self.task: asyncio.Task[bool] | None = None
        self.waiting_since: float | None = None  # on the socket; the database's slowness is not its fault
        self.appended_then = 0
        self.closed = False

    def kick(self) -> None:
        """Hand over what there is as long as the socket takes it; then go on in a task."""
        # A task that ended just before `close` still calls `_done` after it.
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
        """Returns whether the log can be read; if not, the poll tries again."""
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
        return bool(batches)  # where rows vanished, the epoch check will tell

    def _start(self, work: Coroutine[Any, Any, bool]) -> None:
        # Begun at once: a task that is cancelled before would leave its coroutine unawaited.
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
            self.kick()  # the head may have moved since the last look at it

    def _ended_by(self, error: BaseException) -> None:
        if isinstance(error, OSError):  # the peer is gone; its consumer hears of it by its own disconnect
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
        """Send nothing from here on. What is half-way to the socket may have been taken or not."""
        self.closed = True
        self.feed.subscriptions.discard(self)
        if self.task is not None:
            self.task.cancel()


class Feed:
    """The newest part of one log, and who reads it here."""

    def __init__(self, name: str, epoch: str, head: int) -> None:
        self.name = name
        self.epoch = epoch
        self.head = head
        self.appended = 0  # bytes, ever
        self.subscriptions: set[Subscription] = set()
        self.wake = asyncio.Event()
        # Every event behind `_floor`, in order. Seqs may leave gaps; what was read follows each other all the same.
        self._ring: deque[tuple[int, bytes]] = deque()
        self._ring_bytes = 0
        self._floor = head
        self._batches: dict[int, Batch] = {}  # by cursor, until the head moves
        self._reads: dict[int, asyncio.Task[list[Batch]]] = {}  # by cursor: who resumes together reads once
        self._paging = Paging()
        self.task = asyncio.create_task(self._run(), name=f"feed {name}")

    def batch(self, cursor: int) -> Batch | None:
        """Return what follows a cursor below the head, null when the ring does not reach back that far."""
        found = self._batches.get(cursor)
        if found is None and cursor >= self._floor:
            start = bisect_right(self._ring, cursor, key=itemgetter(0))
            found = in_batches(islice(self._ring, start, start + READ_BATCH), self.head)[0]
            self._batches[cursor] = found
        return found

    async def read(self, cursor: int) -> list[Batch]:
        """Return the next events behind a cursor from the database; none when there are none."""
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
            except CursorTooOld:  # pruned while the database was away
                self.lose(list(self.subscriptions), "pruned")
            except Exception as error:
                # The database is away: the poll wakes us again, and the log still has everything.
                log_failure(log, error, "Could not read the log %s", self.name)

    async def _read_news(self) -> int:
        """Hand on what was appended behind the head. Returns how many events that were, at most READ_BATCH."""
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
        # All there is to end where the loop is gone, and its tasks with it.
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
            await asyncio.sleep(POLL_SECONDS * random.uniform(0.8, 1.2))  # processes shall not ask in step
            try:
                await self._poll_once()
            except Exception as error:
                log_failure(log, error, "Could not poll the heads of the logs")

    async def _poll_once(self) -> None:
        """Make up for lost hints and for what only time changes, drop idle feeds, end those stalled or replaced."""
        for name, feed in list(self._feeds.items()):
            if not feed.subscriptions:
                feed.close()
                del self._feeds[name]
        if not self._feeds:
            return
        watched = list(self._feeds.values())  # others may come while we read
        for feed in watched:
            feed.kick_all()  # ends stalled ones also while the database is away
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
        """The log behind a feed is another one now."""
        feed.close()
        del self._feeds[feed.name]
        feed.lose(list(feed.subscriptions), "epoch")

    def close(self) -> None:
        self.unlisten()
        self._poll.cancel()
        for feed in self._feeds.values():
            feed.close()


get_hub = PerLoop(Hub, let_go=lambda hub: hub.unlisten())
