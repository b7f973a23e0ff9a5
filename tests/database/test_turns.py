"""Writers of one process take turns, first come first served."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

from accounts.models import User
from database.sqlite3.base import DatabaseWrapper
from database.turns import Turns
from queue_app.models import ItemState, QueueItem
from queue_app.queries import one_moment
from tests.factories import TrackFactory, UserFactory
from tests.queue_app.stage import Stage
from tests.waiting import until

pytestmark = pytest.mark.both_databases


def waits(turns: Turns, count: int) -> bool:
    return turns.waiting == count


def test_a_turn_goes_to_who_waits_longest() -> None:
    turns, order = Turns(), list[int]()
    assert turns.take(seconds=0)

    def wait(number: int) -> None:
        assert turns.take(seconds=10)
        order.append(number)
        turns.give()

    with ThreadPoolExecutor(5) as pool:
        for number in range(5):
            pool.submit(wait, number)
            until(partial(waits, turns, number + 1))
        turns.give()
    assert order == [0, 1, 2, 3, 4]
    assert turns.take(seconds=0)


def test_who_waits_no_longer_is_passed_over() -> None:
    turns = Turns()
    assert turns.take(seconds=0)
    assert not turns.take(seconds=0.01)
    assert turns.waiting == 0
    turns.give()
    assert turns.take(seconds=0)


@pytest.fixture
def sqlite(transactional_db: None) -> DatabaseWrapper:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has row locks")
    wrapper: Any = connections["default"]
    assert isinstance(wrapper, DatabaseWrapper)
    return wrapper


def is_free(sqlite: DatabaseWrapper) -> bool:
    free = sqlite.turns.take(seconds=0)
    if free:
        sqlite.turns.give()
    return free


def test_transactions_begin_in_the_order_in_which_they_are_asked_for(sqlite: DatabaseWrapper) -> None:
    order = list[int]()

    def write(number: int) -> None:
        try:
            with transaction.atomic():
                order.append(number)
                UserFactory.create()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool, transaction.atomic():
        UserFactory.create()
        for number in range(6):
            pool.submit(write, number)
            until(partial(waits, sqlite.turns, number + 1))
    assert order == [0, 1, 2, 3, 4, 5]
    assert User.objects.count() == 7
    assert is_free(sqlite)


def test_a_turn_ends_with_its_transaction_however_that_ends(sqlite: DatabaseWrapper) -> None:
    with transaction.atomic():
        assert not is_free(sqlite)
        with transaction.atomic():
            assert not is_free(sqlite)
        assert not is_free(sqlite)
    assert is_free(sqlite)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        UserFactory.create().pk / 0
    assert is_free(sqlite)
    with transaction.atomic():
        transaction.set_rollback(True)
    assert is_free(sqlite)
    with transaction.atomic():
        connection.close()  # as when the database is unavailable
    assert is_free(sqlite)


def test_a_thread_that_ends_in_a_transaction_gives_its_turn_back(sqlite: DatabaseWrapper) -> None:
    def vanish() -> None:
        connection.ensure_connection()
        connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        connections.close_all()

    thread = threading.Thread(target=vanish)
    thread.start()
    thread.join(10)
    assert is_free(sqlite)


def test_who_waits_too_long_is_told_as_by_sqlite(
    sqlite: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sqlite.settings_dict["OPTIONS"], "timeout", 0.01)
    assert sqlite.turns.take(seconds=0)
    try:
        with pytest.raises(OperationalError, match="locked"), transaction.atomic():
            pass
    finally:
        sqlite.turns.give()
    with transaction.atomic():
        UserFactory.create()


def test_reading_waits_for_no_writer(sqlite: DatabaseWrapper) -> None:
    def write() -> None:
        try:
            UserFactory.create()
        finally:
            connections.close_all()

    with one_moment():
        before = User.objects.count()
        assert is_free(sqlite)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(write).result(10)
        assert User.objects.count() == before  # the snapshot of the first read
    assert User.objects.count() == before + 1
    with transaction.atomic():
        assert not is_free(sqlite)


@pytest.mark.django_db(transaction=True)
def test_four_writers_lose_nothing(in_threads: Callable[..., list[Any]]) -> None:
    stage = Stage()
    uri = TrackFactory.create().uri
    people = [stage.join() for _ in range(4)]
    in_threads(4, lambda n: [stage.do("AddTrack", by=people[n], query=uri) for _ in range(15)])
    items = QueueItem.objects.filter(guild=stage.guild, state=ItemState.QUEUED).order_by("rank")
    assert [str(pk) for pk in items.values_list("pk", flat=True)] == [
        event["args"]["item"]["id"] for event in stage.events()
    ]
    assert stage.player.queue_total == 60
