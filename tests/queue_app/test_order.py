"""The order of the queue, whatever is done to it, and by however many at once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from queue_app.domain import playback
from queue_app.domain.requeue import requeue
from queue_app.errors import ItemNotFound
from queue_app.models import QueueItem
from realtime.models import Event, Store, Via
from realtime.origin import Origin
from tests.factories import TrackFactory
from tests.queue_app.reducer import reduce
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.both_databases

ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(["end", "next", "now"])),
        st.tuples(st.just("remove"), st.integers(0, 30)),
        st.tuples(st.just("start"), st.none()),
        st.tuples(st.just("skip"), st.none()),
        st.tuples(st.just("finish"), st.none()),
        st.tuples(st.just("requeue"), st.integers(0, 30)),
    ),
    max_size=25,
)


class Model:
    """The queue as a plain list, which is what it should behave like."""

    def __init__(self) -> None:
        self.queue: list[str] = []
        self.current: str | None = None
        self.ended: list[str] = []

    def end(self) -> None:
        if self.current:
            self.ended.append(self.current)
        self.current = None


def act(stage: Stage, model: Model, kind: str, detail: Any, query: str) -> None:
    if kind == "add":
        item_id = stage.do("AddTrack", query=query, position=detail)["id"]
        model.queue.insert(len(model.queue) if detail == "end" else 0, item_id)
        if detail == "now":
            model.end()
    elif kind == "remove" and model.queue:
        item_id = model.queue.pop(detail % len(model.queue))
        model.ended.append(item_id)
        stage.do("RemoveItem", item_id=item_id)
    elif kind == "start":
        playback.start_next(stage.id, owner=stage.owner)
        if model.current is None and model.queue:
            model.current = model.queue.pop(0)
    elif kind == "skip" and model.current:
        stage.do("Skip")
        model.end()
    elif kind == "finish" and model.current:
        playback.finish(stage.id, owner=stage.owner, item_id=uuid.UUID(model.current))
        model.end()
    elif kind == "requeue" and (known := model.ended + ([model.current] if model.current else [])):
        item_id = known[detail % len(known)]
        requeue(stage.id, item_id=item_id, origin=Origin(user=stage.member, via=Via.ADMIN, operator=True))
        if item_id == model.current:
            model.current = None
        else:
            model.ended.remove(item_id)
        model.queue.insert(0, item_id)


class QueueOrder(TestCase):
    @settings(max_examples=settings().max_examples // 4, suppress_health_check=[HealthCheck.too_slow])
    @given(acts=ACTS)
    def test_the_queue_behaves_like_a_list_and_so_does_its_log(self, acts: list[tuple[str, Any]]) -> None:
        stage, model = Stage(), Model()
        assert playback.take_lease(stage.id, owner=stage.owner)
        stage.do("JoinVoice", channel_id=stage.channel.pk)
        query = TrackFactory.create().uri
        before = stage.snapshot()
        for kind, detail in acts:
            act(stage, model, kind, detail, query)
            assert stage.queue == model.queue
            current = stage.player.item_id
            assert (str(current) if current else None) == model.current
        stage.assert_replays(before)


@pytest.mark.django_db(transaction=True)
def test_tracks_added_at_once_are_all_there_in_the_order_of_the_log(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    stage = Stage()
    members = [stage.join() for _ in range(6)]
    query = TrackFactory.create().uri
    before = stage.snapshot()
    positions = ["end", "next"]
    in_threads(
        6,
        lambda n: [
            stage.do("AddTrack", by=members[n], query=query, position=positions[n % 2]) for _ in range(5)
        ],
    )
    fresh = stage.assert_replays(before)
    assert len(fresh["queue"]) == 30
    assert fresh["seq"] == 30
    assert QueueItem.objects.values("rank").distinct().count() == 30


@pytest.mark.django_db(transaction=True)
def test_an_item_wanted_by_many_is_removed_by_one_or_started(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    stage = Stage()
    playback.take_lease(stage.id, owner=stage.owner)
    stage.do("JoinVoice", channel_id=stage.channel.pk)
    before = stage.snapshot()
    for _ in range(5):
        item = stage.add()

        def one(n: int, item_id: str = str(item.pk)) -> bool:
            try:
                if n == 0:
                    return playback.start_next(stage.id, owner=stage.owner) is not None
                stage.do("RemoveItem", item_id=item_id)
            except ItemNotFound:
                return False
            return True

        assert sum(in_threads(4, one)) == 1
        if stage.player.item_id:
            stage.do("Skip")
    stage.assert_replays(before)


@pytest.mark.django_db(transaction=True)
def test_a_snapshot_among_writers_is_of_one_moment(
    in_threads: Callable[..., list[Any]], transactional_db: None
) -> None:
    """Each snapshot is what its seq says: the events up to it make exactly this queue."""
    stage = Stage()
    query = TrackFactory.create().uri
    start = stage.snapshot()

    def work(n: int) -> list[dict[str, Any]]:
        if n < 3:
            for _ in range(10):
                item = stage.do("AddTrack", query=query, position="next")
                stage.do("RemoveItem", item_id=item["id"])
            return []
        return [stage.snapshot() for _ in range(25)]

    results = in_threads(5, work)
    states = {start["seq"]: start}
    for event in stage.events():
        states[event["seqNum"]] = reduce(states[event["parentSeqNum"]], event)
    assert Store.objects.get(name=f"guild:{stage.id}").head == 60 == Event.objects.count()
    for snapshot in results[3] + results[4]:
        expected = states[snapshot["seq"]]
        assert [i["id"] for i in snapshot["queue"]] == [i["id"] for i in expected["queue"]], snapshot["seq"]
