"""A change to a long queue costs the database no more than one to a short queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from queue_app.domain import playback
from queue_app.queries import queued_items
from tests.factories import TrackFactory
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.both_databases


@dataclass
class Spent:
    queries: int = 0
    rows: int = 0
    steps: int = 0  # of SQLite's virtual machine, in tens


@contextmanager
def spending() -> Iterator[Spent]:
    """Count the work of the database for this thread."""
    spent = Spent()
    connection.ensure_connection()
    driver: Any = connection.connection

    def count(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        spent.queries += not sql.startswith(("SAVEPOINT", "RELEASE"))  # the test is one transaction
        return execute(sql, *rest)

    def row(cursor: Any, values: tuple[Any, ...]) -> tuple[Any, ...]:
        spent.rows += 1
        return values

    def step() -> int:
        spent.steps += 1
        return 0

    sqlite = connection.vendor == "sqlite"
    if sqlite:
        driver.row_factory = row
        driver.set_progress_handler(step, 10)
    try:
        with connection.execute_wrapper(count):
            yield spent
    finally:
        if sqlite:
            driver.row_factory = None
            driver.set_progress_handler(None, 0)


def add(stage: Stage, uri: str) -> dict[str, Any]:
    item: dict[str, Any] = stage.do("AddTrack", query=uri)
    return item


# Numbers of queries, without those of authentication. One query stores how to undo a change. For a place in the queue,
# another one reads the items before it. A start writes a play.
LIMITS = {
    "AddTrack": 8,
    "AddTrack next": 9,
    "AddTrack fairly": 11,
    "AddTrack fairly, first": 11,
    "MoveItem": 10,
    "MoveItems": 13,
    "RemoveItem": 9,
    "Skip": 9,
    "start_next": 12,
    "/queue": 1,
    "snapshot": 7,
}


@pytest.mark.django_db
@pytest.mark.parametrize("playing", [True, False], ids=["playing", "nobody in voice"])
def test_a_long_queue_costs_no_more_than_a_short_one(playing: bool) -> None:
    """The same queries and rows for 10 and for 1,000 items, and hardly more work for the database."""
    found = {size: measure(size, playing=playing) for size in (10, 1000)}
    for act, short in found[10].items():
        long = found[1000][act]
        allowed = LIMITS[act] + (not playing and act.startswith("AddTrack"))  # where its asker sits
        assert max(short.queries, long.queries) <= allowed, (act, short, long)
        if act != "snapshot":  # the first 200 instead of ten
            assert long.rows <= short.rows + 10, (act, short, long)
            assert long.steps <= short.steps * 1.5 + 100, (act, short, long)


def measure(size: int, *, playing: bool) -> dict[str, Spent]:
    stage = Stage()
    if playing:
        stage.play()
    people: list[User | None] = [stage.join() for _ in range(4)]
    ids = stage.fill(size, people=people)
    uri = TrackFactory.create().uri
    assert playback.take_lease(stage.id, owner=stage.owner)
    if not playing:
        playback.start_next(stage.id, owner=stage.owner)  # reports that there is no channel
    found: dict[str, Spent] = {}
    for act, do in {
        "AddTrack": lambda: add(stage, uri),
        "AddTrack next": lambda: stage.do("AddTrack", query=uri, position="next"),
        "MoveItem": lambda: stage.do("MoveItem", item_id=ids[8], after=ids[2]),
        "MoveItems": lambda: stage.do("MoveItems", item_ids=[ids[3], ids[5], ids[6]], after=ids[1]),
        "RemoveItem": lambda: stage.do("RemoveItem", item_id=ids[8], by=people[0]),
        "/queue": lambda: queued_items(stage.id, limit=10),
        "snapshot": stage.snapshot,
    }.items():
        with spending() as found[act]:
            do()
    stage.decide(fair_order=True)
    with spending() as found["AddTrack fairly"]:
        add(stage, uri)
    newcomer = stage.join()
    with spending() as found["AddTrack fairly, first"]:
        stage.do("AddTrack", query=uri, by=newcomer)
    if playing:
        with spending() as found["Skip"]:
            stage.do("Skip")
    with spending() as found["start_next"]:
        started = playback.start_next(stage.id, owner=stage.owner)
    assert (started is not None) == playing
    return found


@pytest.mark.django_db
def test_adding_many_by_turns_takes_as_many_queries_as_adding_few(stage: Stage) -> None:
    stage.decide(fair_order=True)
    stage.fill(30, people=[stage.join(), stage.join(), stage.member])
    counts = []
    for count in (2, 12):
        with spending() as spent:
            stage.do("AddTracks", uris=[TrackFactory.create().uri] * count)
        counts.append(spent.queries)
    assert counts[0] == counts[1]
