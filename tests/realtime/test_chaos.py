"""Whatever happens to hints, sockets and readers: every client sees 1..N, once and in order."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from realtime import hints, hub
from realtime.db import in_thread
from realtime.domain.append import append_untyped, ensure_store, lock_store
from realtime.hub import Batch, Hub, Subscription, get_hub
from realtime.models import Store
from realtime.origin import BOT
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "test:chaos"
WRITERS, READERS, EACH = 4, 6, 25


class Chaos:
    """Intercepts hints: some are lost, some doubled, and some late and so out of order."""

    def __init__(self, seed: int, loop: asyncio.AbstractEventLoop) -> None:
        self.random = random.Random(seed)
        self.loop = loop
        self.real = hints.send
        self.lost = self.doubled = self.late = 0

    def send(self, store_name: str, seq: int) -> None:
        fate = self.random.random()
        if fate < 0.3:
            self.lost += 1
        elif fate < 0.5:
            self.doubled += 1
            self.real(store_name, seq)
            self.real(store_name, seq)
        elif fate < 0.8:
            self.late += 1
            delay = self.random.uniform(0, 0.2)
            self.loop.call_soon_threadsafe(self.loop.call_later, delay, self.real, store_name, seq)
        else:
            self.real(store_name, seq)


class Restless:
    """A slow client that sometimes disconnects, and resumes from the last event it has seen."""

    def __init__(self, running: Hub, seed: int) -> None:
        self.hub = running
        self.random = random.Random(seed)
        self.seqs: list[int] = []
        self.resumed = 0
        self.subscription: Subscription | None = None

    def send(self, batch: Batch) -> Coroutine[Any, Any, None] | None:
        if self.random.random() < 0.6:
            self._note(batch)
            return None
        return self._later(batch)

    async def _later(self, batch: Batch) -> None:
        await asyncio.sleep(self.random.uniform(0, 0.03))
        self._note(batch)

    def _note(self, batch: Batch) -> None:
        self.seqs += [json.loads(event)["seqNum"] for event in batch.events]

    async def live(self, wanted: int) -> None:
        while len(self.seqs) < wanted:
            epoch, head = await in_thread(position)()
            cursor = self.seqs[-1] if self.seqs else 0
            self.subscription = self.hub.subscribe(
                NAME, epoch=epoch, head=head, cursor=cursor, send=self.send, on_lost=self._lost
            )
            # Disconnect after a number of events, however fast the machine is, or after a time, amid pending events.
            with suppress(AssertionError):
                enough = min(wanted, len(self.seqs) + self.random.randint(10, 60))
                await eventually(partial(self.has_seen, enough), within=self.random.uniform(0.02, 0.4))
            self.resumed += len(self.seqs) < wanted
            self.subscription.close()  # pending events are lost, and requested again

    def has_seen(self, count: int) -> bool:
        return len(self.seqs) >= count

    def _lost(self, reason: str) -> None:
        raise AssertionError(f"lost as {reason}")


def position() -> tuple[str, int]:
    return Store.objects.values_list("epoch", "head").get(name=NAME)


def write(count: int) -> None:
    for _ in range(count):
        with transaction.atomic():
            append_untyped(lock_store(NAME), "Happened", {}, origin=BOT)


@pytest.fixture
async def running(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(hub, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(hub, "RING_EVENTS", 16)  # so that some clients fall behind it
    await in_thread(ensure_store)(NAME)
    found = get_hub()
    yield found
    found.close()


async def test_hints_lost_doubled_and_late_cost_nobody_an_event(
    running: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    chaos = Chaos(1, asyncio.get_running_loop())
    monkeypatch.setattr(hints, "send", chaos.send)
    readers = [Restless(running, index) for index in range(READERS)]
    async with asyncio.timeout(60):
        await asyncio.gather(
            *(in_thread(write)(EACH) for _ in range(WRITERS)),
            *(reader.live(WRITERS * EACH) for reader in readers),
        )
    for reader in readers:
        assert reader.seqs == list(range(1, WRITERS * EACH + 1))
    assert min(chaos.lost, chaos.doubled, chaos.late) > 3
    assert sum(reader.resumed for reader in readers) > READERS
