"""Live delivery: every subscriber sees 1..N in order, whatever happens to the hints."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from django.db import transaction

from realtime import hints, hub, queries
from realtime.db import in_thread
from realtime.domain.append import append_untyped, ensure_store, lock_store
from realtime.hub import Batch, Feed, Hub, Subscription, get_hub
from realtime.models import Event, Store, new_epoch
from realtime.origin import BOT
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "test:hub"


def write_now(count: int) -> None:
    for _ in range(count):
        with transaction.atomic():
            append_untyped(lock_store(NAME), "Happened", {}, origin=BOT)


write = in_thread(write_now)


class Reader:
    """A subscriber that records its events. While `hold` is not set, its socket accepts nothing."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.remaining: list[int] = []
        self.lost: list[str] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.busy = 0
        self.subscription: Subscription | None = None

    @property
    def feed(self) -> Feed:
        assert self.subscription is not None
        return self.subscription.feed

    def send(self, batch: Batch) -> Coroutine[Any, Any, None] | None:
        self.busy += 1
        assert self.busy == 1, "two sends at once on one socket"
        if self.hold.is_set() and batch.last % 2:  # accepted at once, as by most sockets
            self._note(batch)
            return None
        return self._wait(batch)

    async def _wait(self, batch: Batch) -> None:
        await asyncio.sleep(0)
        await self.hold.wait()
        self._note(batch)

    def _note(self, batch: Batch) -> None:
        self.seqs += [json.loads(event)["seqNum"] for event in batch.events]
        self.remaining.append(batch.remaining)
        self.busy -= 1

    async def subscribe(self, running: Hub, cursor: int = 0) -> Reader:
        epoch, head = await in_thread(position)()
        self.subscription = running.subscribe(
            NAME, epoch=epoch, head=head, cursor=cursor, send=self.send, on_lost=self.lost.append
        )
        return self


def position() -> tuple[str, int]:
    store = Store.objects.get(name=NAME)
    return store.epoch, store.head


def up_to(last: int, first: int = 1) -> list[int]:
    return list(range(first, last + 1))


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(hub, "POLL_SECONDS", 0.05)
    await in_thread(ensure_store)(NAME)
    found = get_hub()
    assert get_hub() is found
    yield found
    found.close()


async def test_subscribers_see_every_event_once_and_in_order(running: Hub) -> None:
    await write(5)
    early = await Reader().subscribe(running)
    await asyncio.gather(*(write(10) for _ in range(4)))
    late = await Reader().subscribe(running, cursor=20)
    await write(10)
    await eventually(lambda: len(early.seqs) == 55 and len(late.seqs) == 35)
    assert early.seqs == up_to(55)
    assert late.seqs == up_to(55, first=21)
    assert early.remaining[-1] == 0


async def test_catching_up_goes_by_batches_and_tells_what_remains(running: Hub) -> None:
    await write(250)
    reader = await Reader().subscribe(running)
    await eventually(lambda: len(reader.seqs) == 250)
    assert reader.seqs == up_to(250)
    assert reader.remaining == [150, 50, 0]


async def test_lost_hints_are_made_up_for_by_the_poll(running: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = await Reader().subscribe(running)
    monkeypatch.setattr(hints, "send", lambda store_name, seq: None)
    await write(30)
    await eventually(lambda: len(reader.seqs) == 30)
    assert reader.seqs == up_to(30)


async def test_doubled_and_invented_hints_double_nothing(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = hints.send

    def twice(store_name: str, seq: int) -> None:
        real(store_name, seq)
        real(store_name, seq + 1000)
        real("test:unknown", seq)

    monkeypatch.setattr(hints, "send", twice)
    reader = await Reader().subscribe(running)
    await asyncio.gather(*(write(10) for _ in range(3)))
    await eventually(lambda: len(reader.seqs) >= 30)
    await write(1)
    await eventually(lambda: len(reader.seqs) >= 31)
    assert reader.seqs == up_to(31)


async def test_an_event_is_read_once_however_many_watch(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = [await Reader().subscribe(running) for _ in range(20)]
    await write(1)
    await eventually(lambda: all(reader.seqs == [1] for reader in readers))
    encoded: list[int] = []
    real = queries.read_log

    def counting(store_name: str, **where: Any) -> list[queries.Logged]:
        found = real(store_name, **where)
        encoded.extend(event.seq for event in found)
        return found

    monkeypatch.setattr(hub, "read_log", counting)
    await write(10)
    await eventually(lambda: all(len(reader.seqs) == 11 for reader in readers))
    assert sorted(encoded) == up_to(11, first=2)


async def test_a_stalled_subscriber_slows_nobody_and_is_lost_as_slow(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "STALL_SECONDS", 0.5)
    stalled, healthy = Reader(), Reader()
    stalled.hold.clear()
    await stalled.subscribe(running)
    await healthy.subscribe(running)
    await write(20)
    await eventually(lambda: len(healthy.seqs) == 20)
    assert stalled.seqs == []
    await eventually(lambda: stalled.lost)
    await write(5)
    await eventually(lambda: len(healthy.seqs) == 25)
    assert stalled.lost == ["slow"]
    assert healthy.lost == []
    assert healthy.seqs == up_to(25)
    assert stalled.subscription not in healthy.feed.subscriptions


async def test_a_slow_subscriber_that_makes_progress_is_kept(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "STALL_SECONDS", 5)
    reader = Reader()
    reader.hold.clear()
    await reader.subscribe(running)
    await write(10)
    await eventually(lambda: reader.busy)
    reader.hold.set()
    await eventually(lambda: len(reader.seqs) == 10)
    assert reader.lost == []


async def test_a_subscriber_behind_the_ring_catches_up_from_the_log(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "RING_EVENTS", 8)
    reader, other = Reader(), Reader()
    reader.hold.clear()
    await reader.subscribe(running)
    await other.subscribe(running)
    await write(40)
    await eventually(lambda: len(other.seqs) == 40)
    reader.hold.set()
    await eventually(lambda: len(reader.seqs) == 40)
    assert reader.seqs == up_to(40)


async def test_a_socket_that_fails_takes_nobody_along(running: Hub) -> None:
    class Broken(Reader):
        def send(self, batch: Batch) -> Coroutine[Any, Any, None] | None:
            if batch.last % 2:
                raise ConnectionError
            return self._fail()

        async def _fail(self) -> None:
            raise ConnectionError

    broken, healthy = await Broken().subscribe(running), await Reader().subscribe(running)
    await write(3)
    await eventually(lambda: len(healthy.seqs) == 3)
    await write(3)
    await eventually(lambda: len(healthy.seqs) == 6)
    assert broken.subscription not in healthy.feed.subscriptions


async def test_a_database_that_fails_for_a_moment_costs_nobody_an_event(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(5)
    real, failures = queries.read_log, 3

    def failing(store_name: str, **where: Any) -> list[queries.Logged]:
        nonlocal failures
        if failures:
            failures -= 1
            raise ConnectionError
        return real(store_name, **where)

    monkeypatch.setattr(hub, "read_log", failing)
    reader = await Reader().subscribe(running)
    await eventually(lambda: len(reader.seqs) == 5)
    await write(5)
    await eventually(lambda: len(reader.seqs) == 10)
    assert reader.seqs == up_to(10)
    assert failures == 0


def replace_log() -> None:
    Event.objects.filter(store__name=NAME).delete()
    Store.objects.filter(name=NAME).update(epoch=new_epoch(), head=0)


async def test_a_replaced_log_is_told_and_a_new_subscription_reads_the_new_one(running: Hub) -> None:
    reader = await Reader().subscribe(running)
    await write(5)
    await eventually(lambda: len(reader.seqs) == 5)
    await in_thread(replace_log)()
    await eventually(lambda: reader.lost)
    assert reader.lost == ["epoch"]
    fresh = await Reader().subscribe(running)
    await write(2)
    await eventually(lambda: len(fresh.seqs) == 2)
    assert reader.seqs == up_to(5)


async def test_a_subscription_to_the_new_log_never_sees_the_old_one(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even before the poll has noticed."""
    monkeypatch.setattr(running, "_poll_once", asyncio.Event().wait)
    reader = await Reader().subscribe(running)
    await write(5)
    await eventually(lambda: len(reader.seqs) == 5)
    await in_thread(replace_log)()
    fresh = await Reader().subscribe(running)
    await write(2)
    await eventually(lambda: len(fresh.seqs) >= 2)
    assert fresh.seqs == up_to(2)
    assert fresh.lost == []
    assert reader.lost == ["epoch"]


async def test_a_subscription_that_comes_during_the_poll_is_kept(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_thread(ensure_store)("test:first")
    real, reader = queries.read_heads, Reader()
    loop = asyncio.get_running_loop()

    def while_reading(names: list[str]) -> Any:
        if reader.subscription is None:
            asyncio.run_coroutine_threadsafe(reader.subscribe(running), loop).result(timeout=5)
        return real(names)

    monkeypatch.setattr(hub, "read_heads", while_reading)
    epoch, head = await in_thread(lambda: Store.objects.values_list("epoch", "head").get(name="test:first"))()
    other = Reader()
    running.subscribe(
        "test:first", epoch=epoch, head=head, cursor=0, send=other.send, on_lost=other.lost.append
    )
    await eventually(lambda: reader.subscription)
    await write(3)
    await eventually(lambda: len(reader.seqs) == 3)
    assert reader.lost == []


async def test_a_feed_nobody_watches_is_dropped(running: Hub) -> None:
    reader = await Reader().subscribe(running)
    assert reader.subscription
    reader.subscription.close()
    await eventually(lambda: not running._feeds)
    await write(3)
    again = await Reader().subscribe(running, cursor=1)
    await eventually(lambda: len(again.seqs) == 2)
    assert reader.seqs == []
