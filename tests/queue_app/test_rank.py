"""The places of items in dense and partly loaded queues."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts.models import User
from queue_app.domain import playback
from queue_app.domain.rank import PART, ROOM
from queue_app.models import ItemState, QueueItem
from queue_app.queries import SHOWN
from tests.factories import TrackFactory
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.both_databases


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
    reported = [
        (each["name"], each["args"]["queue_total"])
        for each in stage.events()
        if "queue_total" in each["args"]
    ]
    assert reported == [
        ("TrackAdded", 1), ("TrackStarted", 0), ("TrackAdded", 1), ("TrackAdded", 2), ("TrackMoved", 2),
        ("TrackAdded", 3), ("TrackFailed", 2), ("TrackRemoved", 1), ("TrackSkipped", 1), ("TrackStarted", 0),
    ]  # fmt: skip
    assert {name for name in stage.names if name.startswith(("Track", "Queue"))} == {
        name for name, _ in reported
    }


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
    stage.fill(5, people=[other, other, stage.member], step=1)
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
    ids = stage.fill(400)
    before = {str(item.pk): item.rank for item in QueueItem.objects.filter(guild=stage.guild)}
    expected = list(ids)
    for n in range(25):
        moving = ids[10 + n]
        stage.do("MoveItem", item_id=moving, after=ids[4])
        expected.remove(moving)
        expected.insert(5, moving)
    assert stage.whole_queue() == expected
    renumbered = [event["args"] for event in stage.events() if event["name"] == "QueueRenumbered"]
    assert len(renumbered) == 1
    ranks = dict(renumbered[0]["ranks"])
    assert len(ranks) <= 50
    assert [rank for _, rank in renumbered[0]["ranks"]] == sorted(ranks.values())
    after = {str(item.pk): item.rank for item in QueueItem.objects.filter(guild=stage.guild)}
    touched = {pk for pk in ids if after[pk] != before[pk]}
    assert touched <= ranks.keys() | set(ids[10:35])


def test_a_dense_queue_is_spread_as_far_as_needed_in_parts(djs: Stage) -> None:
    ids = djs.fill(500, step=1)
    before = djs.snapshot()
    djs.do("MoveItem", item_id=ids[400], after=ids[0])
    expected = [ids[0], ids[400], *ids[1:400], *ids[401:]]
    assert djs.whole_queue() == expected
    parts = [event["args"]["ranks"] for event in djs.events() if event["name"] == "QueueRenumbered"]
    assert [len(part) for part in parts] == [PART, PART, 499 - 2 * PART]
    ranks = list(QueueItem.objects.filter(guild=djs.guild).order_by("rank").values_list("rank", flat=True))
    assert min(b - a for a, b in pairwise(ranks[2:])) >= ROOM
    assert_prefix(djs, djs.replay(before))


# --- A client that has loaded a part ---


def assert_prefix(stage: Stage, state: dict[str, Any]) -> None:
    """Check that the loaded items are all items up to `next`, and that the length is right."""
    held, whole = [item["id"] for item in state["queue"]], stage.whole_queue()
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
    ids = stage.fill(SHOWN + 130)
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
    few.fill(SHOWN)
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
        stage.fill(40, step=3)
        state = stage.snapshot()
        rest = state["queue"][held:]
        state["queue"] = state["queue"][:held]
        state["next"] = str(rest[0]["rank"] - 1) if rest else None
        for kind, which, where in acts:
            ids = stage.whole_queue()
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
            state = stage.replay(state)
            assert_prefix(stage, state)


def test_clearing_tells_a_long_queue_in_parts(djs: Stage) -> None:
    ids = djs.fill(2 * PART + 50)
    before = djs.snapshot()
    assert djs.do("ClearQueue") == {"removed": len(ids)}
    parts = [event["args"] for event in djs.events()]
    assert [(len(part["item_ids"]), part["queue_total"]) for part in parts] == [
        (PART, PART + 50), (PART, 50), (50, 0),
    ]  # fmt: skip
    assert [pk for part in parts for pk in part["item_ids"]] == ids
    after = djs.replay(before)
    assert (after["queue"], after["queue_total"], after["next"]) == ([], 0, None)
    assert djs.player.queue_total == 0
