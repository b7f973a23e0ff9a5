"""The places of items in long, dense and partly loaded queues, and that the cost does not grow with the queue."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from pytest_django import Settings

from accounts.models import User
from library.models import Track
from queue_app.domain import playback
from queue_app.domain.guild_state import open_guild
from queue_app.domain.rank import PART, ROOM, STEP, at_turn
from queue_app.errors import NotAllowed, QueueFull
from queue_app.models import ItemState, Player, QueueItem
from queue_app.numbers import numbered_items, place_for_number, search_queue
from queue_app.queries import SHOWN, count_ahead, next_unresolved, queued_items
from realtime.origin import BOT
from tests.factories import TrackFactory
from tests.queue_app.reducer import reduce
from tests.queue_app.stage import Stage
from tests.queue_app.turns import fair_place

pytestmark = pytest.mark.both_databases


def fill(stage: Stage, count: int, *, people: list[User | None] | None = None, step: int = STEP) -> list[str]:
    """Write items to the end of the queue, without events. Returns their ids."""
    track = TrackFactory.create()
    last = QueueItem.objects.filter(guild=stage.guild, state=ItemState.QUEUED).order_by("-rank").first()
    begin = last.rank + step if last else 0
    asked: list[User | None] = people or [stage.member]
    items = [
        QueueItem(guild=stage.guild, track=track, requested_by=asked[at % len(asked)], rank=begin + at * step)
        for at in range(count)
    ]
    QueueItem.objects.bulk_create(items)
    player, _ = Player.objects.get_or_create(pk=stage.id)
    Player.objects.filter(pk=stage.id).update(queue_total=player.queue_total + count)
    return [str(item.pk) for item in items]


def order(stage: Stage) -> list[str]:
    """Return the ids of the whole queue."""
    items = QueueItem.objects.filter(guild=stage.guild, state=ItemState.QUEUED).order_by("rank")
    return [str(pk) for pk in items.values_list("pk", flat=True)]


@pytest.fixture
def djs(stage: Stage) -> Stage:
    stage.decide(may_clear="everyone")
    return stage


# --- Ranks ---


def test_items_come_in_the_order_of_their_ranks_on_every_surface(
    stage: Stage, api: Callable[[User], Client]
) -> None:
    items = [stage.add(position=position) for position in ("end", "next", "end")]
    queue = stage.snapshot()["queue"]
    assert [item["rank"] for item in queue] == sorted(item.rank for item in items)
    page = api(stage.member).get(f"/api/guilds/{stage.id}/queue").json()
    assert page["items"] == queue
    assert [event["args"]["item"]["rank"] for event in stage.events()] == [item.rank for item in items]


def test_every_event_of_the_queue_says_how_many_wait(stage: Stage) -> None:
    stage.play()
    first, second = stage.add(), stage.add()
    stage.do("MoveItem", item_id=str(second.pk), after=None)
    stage.fail()
    stage.do("RemoveItem", item_id=str(first.pk))
    stage.do("Skip")
    playback.start_next(stage.id, owner=stage.owner)
    told = [
        (each["name"], each["args"]["queue_total"])
        for each in stage.events()
        if "queue_total" in each["args"]
    ]
    assert told == [
        ("TrackAdded", 1), ("TrackStarted", 0), ("TrackAdded", 1), ("TrackAdded", 2), ("TrackMoved", 2),
        ("TrackAdded", 3), ("TrackFailed", 2), ("TrackRemoved", 1), ("TrackSkipped", 1), ("TrackStarted", 0),
    ]  # fmt: skip
    assert {name for name in stage.names if name.startswith(("Track", "Queue"))} == {name for name, _ in told}


def test_a_track_that_the_loop_repeats_stands_behind_one_that_was_just_added(stage: Stage) -> None:
    stage.play()
    stage.do("SetLoop", loop="queue")
    before = stage.snapshot()
    stage.do("AddTrack", query=TrackFactory.create().uri, position="now")
    added, again = stage.assert_replays(before)["queue"]
    assert added["rank"] < again["rank"]
    assert again["track"] == before["player"]["item"]["track"]


def test_adding_several_by_turns_stays_in_order_when_room_is_made(stage: Stage) -> None:
    """Making room also changes the rank of the last item, and further items are added after that."""
    other = stage.join()
    stage.decide(fair_order=True)
    fill(stage, 5, people=[other, other, stage.member], step=1)
    before = stage.snapshot()
    stage.do("AddTracks", uris=[TrackFactory.create().uri for _ in range(4)])
    fresh = stage.assert_replays(before)
    ranks = [item["rank"] for item in fresh["queue"]]
    assert len(set(ranks)) == 9


@pytest.mark.parametrize("fair", [True, False])
def test_adding_several_wakes_a_player_that_was_paused_with_nothing_to_play(fair: bool, stage: Stage) -> None:
    stage.decide(fair_order=fair)
    stage.do("Pause")
    stage.do("AddTracks", uris=[TrackFactory.create().uri for _ in range(2)])
    assert not stage.player.paused


# --- Room ---


def test_making_room_moves_few_and_tells_them(stage: Stage) -> None:
    ids = fill(stage, 400)
    before = {str(item.pk): item.rank for item in QueueItem.objects.filter(guild=stage.guild)}
    expected = list(ids)
    for n in range(25):
        moving = ids[10 + n]
        stage.do("MoveItem", item_id=moving, after=ids[4])
        expected.remove(moving)
        expected.insert(5, moving)
    assert order(stage) == expected
    renumbered = [event["args"] for event in stage.events() if event["name"] == "QueueRenumbered"]
    assert len(renumbered) == 1
    ranks = dict(renumbered[0]["ranks"])
    assert len(ranks) <= 50
    assert [rank for _, rank in renumbered[0]["ranks"]] == sorted(ranks.values())
    after = {str(item.pk): item.rank for item in QueueItem.objects.filter(guild=stage.guild)}
    touched = {pk for pk in ids if after[pk] != before[pk]}
    assert touched <= ranks.keys() | set(ids[10:35])


def test_a_dense_queue_is_spread_as_far_as_needed_in_parts(djs: Stage) -> None:
    ids = fill(djs, 500, step=1)
    before = djs.snapshot()
    djs.do("MoveItem", item_id=ids[400], after=ids[0])
    expected = [ids[0], ids[400], *ids[1:400], *ids[401:]]
    assert order(djs) == expected
    parts = [event["args"]["ranks"] for event in djs.events() if event["name"] == "QueueRenumbered"]
    assert [len(part) for part in parts] == [PART, PART, 499 - 2 * PART]
    ranks = list(QueueItem.objects.filter(guild=djs.guild).order_by("rank").values_list("rank", flat=True))
    assert min(b - a for a, b in pairwise(ranks[2:])) >= ROOM
    assert_prefix(djs, replay(djs, before))


# --- A client that has loaded a part ---


def replay(stage: Stage, state: dict[str, Any]) -> dict[str, Any]:
    for event in stage.events(after=state["seq"]):
        state = reduce(state, event)
    return state


def assert_prefix(stage: Stage, state: dict[str, Any]) -> None:
    """Check that the loaded items are all items up to `next`, and that the length is right."""
    held, whole = [item["id"] for item in state["queue"]], order(stage)
    assert held == whole[: len(held)]
    assert state["queue_total"] == len(whole)
    if state["next"] is None:
        assert held == whole
    else:
        assert (
            len(held)
            == QueueItem.objects.filter(
                guild=stage.guild, state=ItemState.QUEUED, rank__lte=int(state["next"])
            ).count()
        )
    ranks = {str(item.pk): item.rank for item in QueueItem.objects.filter(guild=stage.guild)}
    assert all(item["rank"] == ranks[item["id"]] for item in state["queue"])


def test_a_snapshot_holds_the_front_of_a_long_queue(stage: Stage, api: Callable[[User], Client]) -> None:
    ids = fill(stage, SHOWN + 130)
    snapshot = stage.snapshot()
    assert [item["id"] for item in snapshot["queue"]] == ids[:SHOWN]
    assert snapshot["queue_total"] == SHOWN + 130
    client, found, after = api(stage.member), list(ids[:SHOWN]), snapshot["next"]
    while after is not None:
        page = client.get(f"/api/guilds/{stage.id}/queue?after={after}").json()
        found += [item["id"] for item in page["items"]]
        assert page["queue_total"] == SHOWN + 130
        after = page["next"]
    assert found == ids
    few = Stage()
    fill(few, SHOWN)
    assert few.snapshot()["next"] is None


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["add", "next", "remove", "move", "start", "clear", "dense"]),
        st.integers(0, 60),
        st.integers(0, 60),
    ),
    max_size=20,
)


class PartOfAQueue(TestCase):
    @settings(max_examples=settings().max_examples // 4, suppress_health_check=[HealthCheck.too_slow])
    @given(held=st.integers(0, 40), acts=ACTS)
    def test_a_part_stays_the_front_whatever_happens(
        self, held: int, acts: list[tuple[str, int, int]]
    ) -> None:
        stage = Stage()
        stage.decide(may_clear="everyone")
        assert playback.take_lease(stage.id, owner=stage.owner)
        stage.do("JoinVoice", channel_id=stage.channel.pk)
        fill(stage, 40, step=3)
        state = stage.snapshot()
        rest = state["queue"][held:]
        state["queue"] = state["queue"][:held]
        state["next"] = str(rest[0]["rank"] - 1) if rest else None
        for kind, which, where in acts:
            ids = order(stage)
            if kind in {"add", "next"}:
                stage.add(position="end" if kind == "add" else "next")
            elif kind == "start":
                playback.start_next(stage.id, owner=stage.owner)
                if stage.player.item_id:
                    stage.do("Skip")
            elif kind == "clear" and which > 55:
                stage.do("ClearQueue")
            elif ids and kind == "remove":
                stage.do("RemoveItem", item_id=ids[which % len(ids)])
            elif len(ids) > 1 and kind == "move" and which % len(ids) != where % len(ids):
                stage.do("MoveItem", item_id=ids[which % len(ids)], after=ids[where % len(ids)])
            elif len(ids) > 8 and kind == "dense":
                for moving in ids[-4:]:
                    stage.do("MoveItem", item_id=moving, after=ids[where % 4])
            state = replay(stage, state)
            assert_prefix(stage, state)


def test_clearing_tells_a_long_queue_in_parts(djs: Stage) -> None:
    ids = fill(djs, 2 * PART + 50)
    before = djs.snapshot()
    assert djs.do("ClearQueue") == {"removed": len(ids)}
    parts = [event["args"] for event in djs.events()]
    assert [(len(part["item_ids"]), part["queue_total"]) for part in parts] == [
        (PART, PART + 50), (PART, 50), (50, 0),
    ]  # fmt: skip
    assert [pk for part in parts for pk in part["item_ids"]] == ids
    after = replay(djs, before)
    assert (after["queue"], after["queue_total"], after["next"]) == ([], 0, None)
    assert djs.player.queue_total == 0


# --- Taking turns ---


class Turns(TestCase):
    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(
        queue=st.lists(st.integers(0, 4), max_size=25),
        current=st.none() | st.integers(0, 4),
        person=st.integers(1, 4),
    )
    def test_the_database_finds_the_place_that_the_rule_says(
        self, queue: list[int], current: int | None, person: int
    ) -> None:
        """Person 0 has left, so their items have no requester."""
        stage = Stage()
        people: list[User | None] = [None, *(stage.join() for _ in range(4))]
        keys = [user.pk if user else None for user in people]
        ids = fill(stage, len(queue), people=[people[each] for each in queue]) if queue else []
        if current is not None:
            playing = QueueItem.objects.create(
                guild=stage.guild,
                track=TrackFactory.create(),
                requested_by=people[current],
                state=ItemState.PLAYING,
            )
            Player.objects.update_or_create(pk=stage.id, defaults={"item": playing})
        user = people[person]
        assert user is not None
        state = open_guild(stage.id, origin=BOT)
        place = at_turn(state, user.pk)
        if current == 0:  # `fair_place` takes None if nothing plays
            keys[0] = -1
        expected = fair_place(
            [keys[each] for each in queue], current=None if current is None else keys[current], person=user.pk
        )
        assert (str(place.after) if place.after else None) == (ids[expected - 1] if expected else None)
        ranks = [item.rank for item in QueueItem.objects.filter(pk__in=ids).order_by("rank")]
        assert sum(rank < place.rank for rank in ranks) == expected
        assert place.rank not in ranks


# --- Limits ---


def test_a_full_queue_takes_no_more(stage: Stage, settings: Settings, api: Callable[[User], Client]) -> None:
    settings.QUEUE_MAX_ITEMS = 3
    playing = stage.play()  # is not queued
    items = [stage.add() for _ in range(3)]
    for who in (stage.member, stage.dj()):
        with pytest.raises(QueueFull, match="3 tracks"):
            stage.add(by=who)
    answer = api(stage.member).post(
        f"/api/guilds/{stage.id}/queue", {"query": playing.track.uri}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "QUEUE_FULL")
    stage.do("RemoveItem", item_id=str(items[0].pk))
    stage.add()
    with pytest.raises(QueueFull):
        stage.add()


def test_who_may_not_add_is_told_that_first(stage: Stage, settings: Settings) -> None:
    settings.QUEUE_MAX_ITEMS = 1
    stage.add()
    stage.decide(may_add="managers")
    with pytest.raises(NotAllowed):
        stage.add()


# --- Reading little ---


def test_numbers_of_items_are_found_without_reading_the_others(stage: Stage) -> None:
    ids = fill(stage, 6)
    assert [str(item.pk) for item in queued_items(stage.id, limit=4)] == ids[:4]
    assert [str(item.pk) for item in numbered_items(stage.id, 2, 4)] == ids[1:4]
    assert [str(item.pk) for item in numbered_items(stage.id, 6, 9)] == ids[5:]
    assert numbered_items(stage.id, 7, 9) == numbered_items(stage.id, 0, 0) == []
    assert count_ahead(stage.id, rank=QueueItem.objects.get(pk=ids[3]).rank) == 3
    for number, item in enumerate(numbered_items(stage.id, 1, 6), start=1):
        for to in range(1, 9):
            rest = [pk for pk in ids if pk != ids[number - 1]]
            place = min(to, 6)
            assert place_for_number(item, to) == (rest[place - 2] if place > 1 else None, place)


def test_the_queue_is_searched_by_title_and_unread_links_by_address(stage: Stage) -> None:
    first, second, third = (
        stage.add(track=TrackFactory.create(title=title, artist="Ánna", search_text=f"{title.lower()} anna"))
        for title in ("Red Sky", "Blue Sky", "Red Sea")
    )
    link = stage.do("AddTrack", query="https://radio.example.net/Night.mp3")

    def found(text: str, limit: int = 9) -> list[tuple[int, str]]:
        return [(number, str(item.pk)) for number, item in search_queue(stage.id, text, limit=limit)]

    assert found("red") == [(1, str(first.pk)), (3, str(third.pk))]
    assert found("ANNA sky", limit=1) == [(1, str(first.pk))]
    assert found("blue ánna") == [(2, str(second.pk))]
    assert found("night.mp3") == [(4, link["id"])]
    assert [number for number, _ in found(" ")] == [1, 2, 3, 4]
    assert found("green") == found("!?") == []
    stage.do("RemoveItem", item_id=str(first.pk))
    assert found("red") == [(2, str(third.pk))]


def test_the_first_that_nobody_has_read_is_found_in_order(stage: Stage) -> None:
    fill(stage, 3)
    Track.objects.update(resolved_at="2026-01-01T00:00Z")
    assert next_unresolved(stage.id) is None
    Track.objects.filter(pk=stage.fail().track_id).update(resolved_at=None)  # failed, and never read
    Stage().do("AddTrack", query="https://radio.example.net/other.mp3")
    late = stage.do("AddTrack", query="https://radio.example.net/late.mp3")
    early = stage.do("AddTrack", query="https://radio.example.net/early.mp3", position="next")
    assert next_unresolved(stage.id) == (uuid.UUID(early["id"]), "https://radio.example.net/early.mp3")
    stage.do("RemoveItem", item_id=early["id"])
    assert next_unresolved(stage.id) == (uuid.UUID(late["id"]), "https://radio.example.net/late.mp3")


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
        allowed = LIMITS[act] + (
            1 if not playing and act.startswith("AddTrack") else 0
        )  # where its asker sits
        assert max(short.queries, long.queries) <= allowed, (act, short, long)
        if act != "snapshot":  # the first 200 instead of ten
            assert long.rows <= short.rows + 10, (act, short, long)
            assert long.steps <= short.steps * 1.5 + 100, (act, short, long)


def measure(size: int, *, playing: bool) -> dict[str, Spent]:
    stage = Stage()
    if playing:
        stage.play()
    people: list[User | None] = [stage.join() for _ in range(4)]
    ids = fill(stage, size, people=people)
    uri = TrackFactory.create().uri
    assert playback.take_lease(stage.id, owner=stage.owner)
    if not playing:
        playback.start_next(stage.id, owner=stage.owner)  # reports that there is no channel
    found: dict[str, Spent] = {}
    for act, do in {
        "AddTrack": lambda: add(stage, uri),
        "AddTrack next": lambda: stage.do("AddTrack", query=uri, position="next"),
        "MoveItem": lambda: stage.do("MoveItem", item_id=ids[8], after=ids[2]),
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
