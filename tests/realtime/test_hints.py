"""Hints between processes through a real Redis, and within one process without a channel layer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from channels.layers import get_channel_layer
from django.db import transaction
from pytest_django import Settings

from realtime import hints
from realtime.db import in_thread
from realtime.domain.append import append, append_untyped, ensure_store, lock_store
from realtime.events import TypedEvent
from realtime.origin import BOT
from tests.conftest import use_redis
from tests.program import Program, on_this_database
from tests.waiting import eventually

pytestmark = pytest.mark.both_databases

NAME = "test:hints"
Hint = tuple[str, int]

WRITER = """
import django
django.setup()
from django.db import transaction
from realtime.domain.append import append_untyped, lock_store
from realtime.origin import BOT
with transaction.atomic():
    append_untyped(lock_store("test:hints"), "Happened", {}, origin=BOT)
"""


class Now(TypedEvent):
    log = "test"


class Later(TypedEvent):
    log = "test"
    calm = True


@pytest.fixture
async def heard() -> AsyncIterator[list[Hint]]:
    """Every hint that this process receives."""
    found: list[Hint] = []
    end = hints.listen(lambda store_name, seq: found.append((store_name, seq)))
    hints.ensure_relay()
    yield found
    end()


def write_now() -> None:
    with transaction.atomic():
        append_untyped(lock_store(NAME), "Happened", {}, origin=BOT)


async def until_relayed(heard: list[Hint]) -> None:
    """Wait until the relay listens: earlier hints are lost."""
    layer = get_channel_layer()

    async def relayed() -> bool:
        await layer.group_send(hints.GROUP, {"type": "hint", "store": "test:warm", "seq": 0})
        return ("test:warm", 0) in heard

    await eventually(relayed, what="the relay listens")


@pytest.mark.django_db(transaction=True)
async def test_a_commit_is_hinted_within_the_process(channel_layer: str, heard: list[Hint]) -> None:
    await in_thread(ensure_store)(NAME)
    await in_thread(write_now)()
    await eventually(lambda: (NAME, 1) in heard)


@pytest.mark.django_db(transaction=True)
async def test_a_rollback_is_not_hinted(heard: list[Hint]) -> None:
    await in_thread(ensure_store)(NAME)

    def rolled_back() -> None:
        with transaction.atomic():
            append_untyped(lock_store(NAME), "Happened", {}, origin=BOT)
            transaction.set_rollback(True)

    await in_thread(rolled_back)()
    await in_thread(write_now)()
    await eventually(lambda: heard)
    assert heard == [(NAME, 1)]


async def test_the_hint_of_another_layer_arrives(
    settings: Settings, redis_url: str, heard: list[Hint]
) -> None:
    use_redis(settings, redis_url)
    hints._loop = None  # the relay of `heard` started without Redis
    hints.ensure_relay()
    await until_relayed(heard)
    from channels_redis.pubsub import RedisPubSubChannelLayer

    other = RedisPubSubChannelLayer(hosts=[redis_url], prefix=get_channel_layer().prefix)
    await other.group_send(hints.GROUP, {"type": "hint", "store": "guild:1", "seq": 41})
    await eventually(lambda: ("guild:1", 41) in heard)
    await other.flush()


@pytest.mark.django_db(transaction=True)
async def test_the_hint_of_another_process_arrives(
    settings: Settings, redis_url: str, heard: list[Hint], tmp_path: Path
) -> None:
    """For example from a management command on another machine: no event loop, the same database and Redis."""
    use_redis(settings, redis_url)
    settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = "backline"  # the settings of the other process
    hints._loop = None
    hints.ensure_relay()
    await in_thread(ensure_store)(NAME)
    await until_relayed(heard)
    environment = on_this_database(tmp_path) | {"REDIS_URL": redis_url}
    writer = Program(["-c", WRITER], log=tmp_path / "log", **environment)
    writer.start()
    assert await asyncio.to_thread(writer.wait) == 0, writer.output()
    await eventually(lambda: (NAME, 1) in heard)


async def test_a_layer_that_fails_raises_nothing(settings: Settings, heard: list[Hint]) -> None:
    use_redis(settings, "unix:///nowhere/redis.sock")
    hints.send("guild:1", 7)
    await eventually(lambda: ("guild:1", 7) in heard)


@pytest.mark.django_db(transaction=True)
async def test_what_can_wait_is_told_apart(channel_layer: str) -> None:
    """A listener with `calm` gets calm hints there. Other listeners get them like all hints."""
    urgent, calm, everything = list[Hint](), list[Hint](), list[Hint]()
    ends = [
        hints.listen(lambda *hint: urgent.append(hint), calm=lambda *hint: calm.append(hint)),
        hints.listen(lambda *hint: everything.append(hint)),
    ]
    hints.ensure_relay()
    await in_thread(ensure_store)(NAME)

    def write() -> None:
        for event in (Later(), Now()):
            with transaction.atomic():
                append(lock_store(NAME), event, origin=BOT)

    try:
        await in_thread(write)()
        await eventually(lambda: {(NAME, 1), (NAME, 2)} <= set(everything))
    finally:
        for end in ends:
            end()
    assert set(calm) == {(NAME, 1)}
    assert set(urgent) == {(NAME, 2)}


async def test_a_calm_hint_stays_calm_through_redis(settings: Settings, redis_url: str) -> None:
    use_redis(settings, redis_url)
    hints._loop = None
    calm, everything = list[Hint](), list[Hint]()
    ends = [
        hints.listen(lambda *hint: everything.append(hint)),
        hints.listen(lambda *hint: None, calm=lambda *hint: calm.append(hint)),
    ]
    hints.ensure_relay()
    await until_relayed(everything)
    await hints._publish("guild:1", 41, True)
    await eventually(lambda: ("guild:1", 41) in everything)
    for end in ends:
        end()
    assert ("guild:1", 41) in calm
