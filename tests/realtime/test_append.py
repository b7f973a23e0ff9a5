"""The log: consecutive seqs, however many write at the same time."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from realtime.domain.answer import answer_once
from realtime.domain.append import append_untyped, ensure_store, lock_store
from realtime.errors import Conflict, CursorTooOld, EpochMismatch, StoreNotFound
from realtime.models import Command, Event, Store, Via
from realtime.origin import BOT, Origin
from realtime.queries import check_position, encode_event, read_events, read_heads
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

NAME = "test:log"


@pytest.fixture
def store(db: None) -> Store:
    return ensure_store(NAME)


def write(args: dict[str, Any], *, origin: Origin = BOT, name: str = "Happened", store: str = NAME) -> Event:
    with transaction.atomic():
        return append_untyped(lock_store(store), name, args, origin=origin)


def seqs(store: str = NAME) -> list[tuple[int, int]]:
    return list(Event.objects.filter(store__name=store).order_by("seq").values_list("seq", "parent_seq"))


def test_seqs_count_by_one_and_name_their_parent(store: Store) -> None:
    for n in range(3):
        write({"n": n})
    assert seqs() == [(1, 0), (2, 1), (3, 2)]
    store.refresh_from_db()
    assert store.head == 3


def test_what_is_rolled_back_leaves_no_gap(store: Store) -> None:
    write({})
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        append_untyped(lock_store(NAME), "Happened", {}, origin=BOT)
        _ = 1 / 0
    write({})
    assert seqs() == [(1, 0), (2, 1)]


def test_stores_count_for_themselves(store: Store) -> None:
    ensure_store("test:other")
    write({})
    write({}, store="test:other")
    write({})
    assert seqs() == [(1, 0), (2, 1)]
    assert seqs("test:other") == [(1, 0)]
    assert {name: head for name, (_, head) in read_heads([NAME, "test:other", "test:none"]).items()} == {
        NAME: 2,
        "test:other": 1,
    }


def test_there_is_no_log_without_a_store() -> None:
    with pytest.raises(StoreNotFound), transaction.atomic():
        lock_store("test:none")


def test_an_event_comes_back_as_it_was_written(store: Store) -> None:
    user: User = UserFactory.create(avatar_hash="cafe")
    args = {"text": "ü\u0000\u2028\"'</script>", "number": 12345678901234567890, "float": 1e300, "deep": [{}]}
    origin = Origin(
        user=user,
        via=Via.SYNC,
        auth="grace",
        connection_id="c1",
        client_id="tab",
        session_id="s1",
        command_id="command-1",
        client_timestamp=-5,
    )
    event = write(args, origin=origin)
    [(seq, encoded)] = read_events(NAME, after=0, limit=10)
    assert seq == 1
    assert json.loads(encoded) == {
        "name": "Happened",
        "args": args,
        "seqNum": 1,
        "parentSeqNum": 0,
        "eventId": "command-1",
        "clientId": "tab",
        "sessionId": "s1",
        "metadata": {
            "userId": str(user.pk),
            "username": user.username,
            "displayName": user.display_name,
            "avatarUrl": user.avatar_url,
            "timestamp": int(event.created_at.timestamp() * 1000),
            "connectionId": "c1",
            "auth": "grace",
            "via": "sync",
            "clientTimestamp": -5,
        },
    }


def test_an_event_of_the_bot_has_no_actor(store: Store) -> None:
    metadata = json.loads(encode_event(write({}), None))["metadata"]
    assert (metadata["userId"], metadata["via"], metadata["connectionId"]) == (None, "bot", None)
    assert "clientTimestamp" not in metadata


def test_the_first_event_of_a_command_carries_its_id(store: Store) -> None:
    origin = Origin(user=UserFactory.create(), via=Via.SYNC, command_id="command-1")
    with transaction.atomic():
        locked = lock_store(NAME)
        events = [append_untyped(locked, "Happened", {}, origin=origin) for _ in range(3)]
    assert events[0].event_id == "command-1"
    assert len({event.event_id for event in events}) == 3
    assert {event.command_id for event in events} == {"command-1"}


def test_nobody_takes_an_event_id_of_somebody_else(store: Store) -> None:
    write({}, origin=Origin(user=UserFactory.create(), via=Via.SYNC, command_id="command-1"))
    with pytest.raises(Conflict):
        write({}, origin=Origin(user=UserFactory.create(), via=Via.SYNC, command_id="command-1"))
    assert seqs() == [(1, 0)]


@pytest.mark.parametrize(
    ("cursor", "same_epoch", "error"),
    [
        (0, True, CursorTooOld),
        (1, True, None),
        (3, True, None),
        (3, None, None),
        (4, True, EpochMismatch),
        (3, False, EpochMismatch),
    ],
)
def test_a_position_is_good_between_what_was_pruned_and_the_head(
    cursor: int, same_epoch: bool | None, error: type[Exception] | None, store: Store
) -> None:
    store.head, store.pruned_through = 3, 1
    epoch = {True: store.epoch, False: "another", None: None}[same_epoch]
    if error is None:
        check_position(store, cursor=cursor, epoch=epoch)
    else:
        with pytest.raises(error):
            check_position(store, cursor=cursor, epoch=epoch)


# --- Once, however often it is requested ---


class Act:
    """Appends one event, and counts how often it ran."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self) -> dict[str, Any]:
        self.done += 1
        write({"done": self.done})
        return {"done": self.done}


def ask(act: Callable[[], Any], *, user: User | None, command_id: str, **changes: Any) -> Any:
    request: dict[str, Any] = {"store_name": NAME, "name": "Do", "args": {"x": 1}} | changes
    origin = Origin(user=user, via=Via.REST, command_id=command_id)
    return answer_once(request.pop("store_name"), **request, origin=origin, act=act)


def test_a_command_is_done_once_and_answered_alike(store: Store) -> None:
    act, user = Act(), UserFactory.create()
    answers = [ask(act, user=user, command_id="command-1") for _ in range(3)]
    assert act.done == 1
    assert answers[0] == answers[1] == answers[2]
    assert (answers[0].seqs, answers[0].result) == ([1], {"done": 1})


def test_without_an_id_each_command_is_new(store: Store) -> None:
    act, user = Act(), UserFactory.create()
    assert [ask(act, user=user, command_id="").seqs for _ in range(2)] == [[1], [2]]


@pytest.mark.parametrize("changes", [{"name": "Other"}, {"args": {"x": 2}}, {"args": {}}])
def test_an_id_used_for_another_request_is_a_conflict(changes: dict[str, Any], store: Store) -> None:
    act, user = Act(), UserFactory.create()
    ask(act, user=user, command_id="command-1")
    with pytest.raises(Conflict):
        ask(act, user=user, command_id="command-1", **changes)
    assert act.done == 1


def test_an_id_used_in_another_store_is_a_conflict(store: Store) -> None:
    ensure_store("test:other")
    act, user = Act(), UserFactory.create()
    ask(act, user=user, command_id="command-1")
    with pytest.raises(Conflict):
        ask(act, user=user, command_id="command-1", store_name="test:other")


def test_two_people_may_use_the_same_id(store: Store) -> None:
    act = Act()
    for user in UserFactory.create_batch(2):
        ask(act, user=user, command_id="command-1")
    assert act.done == 2


def test_a_command_that_fails_is_not_remembered(store: Store) -> None:
    def fail() -> None:
        write({})
        raise RuntimeError

    act, user = Act(), UserFactory.create()
    with pytest.raises(RuntimeError):
        ask(fail, user=user, command_id="command-1")
    assert ask(act, user=user, command_id="command-1").seqs == [1]


# --- At the same time ---


@pytest.mark.django_db(transaction=True)
def test_parallel_writers_leave_no_gap_and_no_double(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    ensure_store(NAME)
    written = in_threads(6, lambda n: [write({"n": n}).seq for _ in range(8)])
    assert seqs() == [(n, n - 1) for n in range(1, 49)]
    assert all(mine == sorted(mine) for mine in written)
    assert Store.objects.get(name=NAME).head == 48


@pytest.mark.django_db(transaction=True)
def test_no_reader_skips_an_event_of_a_late_commit(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    """A reader with a cursor sees 1..N: a seq is never visible before a smaller one."""
    ensure_store(NAME)

    def work(n: int) -> list[int]:
        if n < 4:
            return [write({}).seq for _ in range(10)]
        seen: list[int] = []
        for _ in range(10_000):
            seen += [seq for seq, _ in read_events(NAME, after=len(seen), limit=5)]
            if len(seen) == 40:
                break
        return seen

    assert in_threads(5, work)[4] == list(range(1, 41))


@pytest.mark.django_db(transaction=True)
def test_the_same_command_eight_times_at_once_is_done_once(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    ensure_store(NAME)
    act, user = Act(), UserFactory.create()
    answers = in_threads(8, lambda n: ask(act, user=user, command_id="command-1"))
    assert act.done == 1
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.django_db(transaction=True)
def test_one_id_for_two_stores_at_once_is_a_conflict_for_one(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    ensure_store(NAME)
    ensure_store("test:other")
    user = UserFactory.create()
    for _ in range(5):
        command_id = uuid.uuid4().hex

        def one(n: int, command_id: str = command_id) -> bool:
            store = [NAME, "test:other"][n]
            try:
                ask(lambda: write({}, store=store).seq, user=user, command_id=command_id, store_name=store)
            except Conflict:
                return False
            return True

        assert sorted(in_threads(2, one)) == [False, True]
    assert Command.objects.count() == 5 == Event.objects.count()
