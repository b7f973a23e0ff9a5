"""What the hub keeps in memory, shares between subscribers, and tolerates."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest
from django.db import transaction
from django.db.backends.signals import connection_created

from realtime import hub, queries
from realtime.db import in_thread
from realtime.domain.append import append_all, append_untyped, ensure_store, lock_store
from realtime.hub import Batch, Hub, get_hub
from realtime.models import Event
from realtime.origin import BOT
from tests.realtime.test_hub import NAME, Reader, position, up_to, write
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(hub, "POLL_SECONDS", 0.05)
    await in_thread(ensure_store)(NAME)
    found = get_hub()
    yield found
    found.close()


def write_sized(count: int, size: int) -> None:
    with transaction.atomic():
        store = lock_store(NAME)
        for _ in range(count):
            append_untyped(store, "Happened", {"fill": "x" * size}, origin=BOT)


async def test_the_ring_is_bounded_by_bytes_too(running: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "RING_BYTES", 5_000)
    slow, fast = Reader(), Reader()
    slow.hold.clear()
    await slow.subscribe(running)
    await fast.subscribe(running)
    await in_thread(write_sized)(40, 1_000)
    await eventually(lambda: len(fast.seqs) == 40)
    feed = fast.feed
    assert sum(len(data) for _, data in feed._ring) <= 5_000
    assert len(feed._batches) <= 2  # only for the newest position
    slow.hold.set()
    await eventually(lambda: len(slow.seqs) == 40)
    assert slow.seqs == up_to(40)


async def test_what_is_read_for_one_who_catches_up_is_bounded_by_bytes(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "READ_BYTES", 20_000)
    await in_thread(write_sized)(60, 5_000)
    await in_thread(write_sized)(60, 10)
    limits: list[int] = []
    real = queries.read_log

    def counting(store_name: str, **where: Any) -> list[queries.Logged]:
        if where["after"] < 120:  # otherwise it polls for new events
            limits.append(where["limit"])
        return real(store_name, **where)

    monkeypatch.setattr(hub, "read_log", counting)
    held: list[int] = []

    class Holding(Reader):
        def send(self, batch: Batch) -> Coroutine[Any, Any, None] | None:
            held.append(sum(map(len, batch.events)))
            return super().send(batch)

    reader = await Holding().subscribe(running)
    await eventually(lambda: len(reader.seqs) == 120)
    assert reader.seqs == up_to(120)
    assert max(held) <= 20_000
    assert limits[1] < 10, "after the first look it reads no more than it keeps"
    assert len(limits) < 40, "and more again where events are small"


async def test_a_frame_is_bounded_by_bytes_and_a_larger_event_goes_alone(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "BATCH_BYTES", 3_000)
    await in_thread(write_sized)(6, 1_000)
    await in_thread(write_sized)(1, 9_000)
    await in_thread(write_sized)(2, 10)
    seen: list[list[int]] = []

    class Sizes(Reader):
        def send(self, batch: Batch) -> Coroutine[Any, Any, None] | None:
            seen.append([len(event) for event in batch.events])
            return super().send(batch)

    reader = await Sizes().subscribe(running)
    await eventually(lambda: len(reader.seqs) == 9)
    assert reader.seqs == up_to(9)
    assert all(sum(sizes) <= 3_000 or len(sizes) == 1 for sizes in seen)
    assert len(seen) < 9


async def test_who_resumes_together_reads_and_encodes_once(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(250)
    reads: list[int] = []
    made: list[int] = []
    real = queries.read_log

    def counting(store_name: str, **where: Any) -> list[queries.Logged]:
        reads.append(where["after"])
        return real(store_name, **where)

    class Sharing(Reader):
        def encode(self, batch: Batch) -> bytes:
            made.append(batch.last)
            return b"".join(batch.events)

        def send(self, batch: Batch) -> Coroutine[Any, Any, None] | None:
            frame = batch.shared("frame", self.encode)
            assert frame.count(b'"seqNum"') == len(batch.events)
            self.seqs += [json.loads(event)["seqNum"] for event in batch.events]
            return None

    monkeypatch.setattr(hub, "read_log", counting)
    epoch, head = await in_thread(position)()
    readers = [Sharing() for _ in range(20)]
    for reader in readers:
        running.subscribe(
            NAME, epoch=epoch, head=head, cursor=0, send=reader.send, on_lost=reader.lost.append
        )
    await eventually(lambda: all(len(reader.seqs) == 250 for reader in readers))
    assert all(reader.seqs == up_to(250) for reader in readers)
    assert sorted(made) == [100, 200, 250]
    assert [after for after in sorted(reads) if after < 250] == [0, 100, 200]


async def test_a_log_with_gaps_is_delivered_from_the_ring(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = [await Reader().subscribe(running) for _ in range(5)]
    reads: list[int] = []
    real = queries.read_log

    def counting(store_name: str, **where: Any) -> list[queries.Logged]:
        reads.append(where["after"])
        return real(store_name, **where)

    monkeypatch.setattr(hub, "read_log", counting)

    def write_with_gap(seq: int) -> None:
        with transaction.atomic():
            store = lock_store(NAME)
            event = Event(
                store=store, seq=seq, parent_seq=store.head, event_id=f"event-{seq}", name="X", via="sync"
            )
            append_all(store, [event])

    for seq in (10, 20, 35):
        await in_thread(write_with_gap)(seq)
    await eventually(lambda: all(len(reader.seqs) == 3 for reader in readers))
    assert all(reader.seqs == [10, 20, 35] for reader in readers)
    assert set(reads) <= {0, 10, 20, 35}  # the feed's own reads; no reader read for itself
    assert len(reads) < 10


async def test_who_takes_nothing_is_lost_when_far_behind(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "BEHIND_BYTES", 5_000)
    monkeypatch.setattr(hub, "BEHIND_SECONDS", 0.2)
    stalled, healthy = Reader(), Reader()
    stalled.hold.clear()
    await stalled.subscribe(running)
    await healthy.subscribe(running)
    await in_thread(write_sized)(1, 1_000)
    await eventually(lambda: stalled.busy and len(healthy.seqs) == 1)
    await in_thread(write_sized)(3, 1_000)
    await eventually(lambda: len(healthy.seqs) == 4)
    assert stalled.lost == []
    await in_thread(write_sized)(3, 1_000)
    await eventually(lambda: stalled.lost)
    assert (stalled.lost, healthy.lost) == (["slow"], [])


async def test_a_slow_database_is_nobody_s_fault(running: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "STALL_SECONDS", 0.1)
    await write(5)
    gate, real, polls = threading.Event(), queries.read_log, 0

    def waiting(store_name: str, **where: Any) -> list[queries.Logged]:
        gate.wait(timeout=10)
        return real(store_name, **where)

    monkeypatch.setattr(hub, "read_log", waiting)
    looked = running._poll_once

    async def counting() -> None:
        nonlocal polls
        await looked()
        polls += 1

    monkeypatch.setattr(running, "_poll_once", counting)
    reader = await Reader().subscribe(running)
    await eventually(lambda: polls >= 5)  # more than STALL_SECONDS
    gate.set()
    await eventually(lambda: len(reader.seqs) == 5)
    assert reader.lost == []


async def test_the_pool_keeps_its_connections(running: Hub) -> None:
    opened: list[object] = []

    def note(connection: object, **kwargs: Any) -> None:
        opened.append(connection)

    connection_created.connect(note)
    try:
        for _ in range(30):
            await in_thread(position)()
    finally:
        connection_created.disconnect(note)
    assert len(opened) <= 6
