"""What undo can still restore of the queue after others have changed it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from guilds.models import Membership
from queue_app.domain import put_back
from queue_app.errors import ChangedSince, NothingToUndo, QueueFull
from queue_app.models import Change, QueueItem
from tests.factories import TrackFactory, sit
from tests.queue_app.stage import Stage
from tests.queue_app.undoing import essence, hold, start, uris

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def test_what_has_played_is_left_out_and_said(stage: Stage) -> None:
    stage.play()
    ids = stage.do("AddTracks", uris=uris(3))["item_ids"]
    stage.do("Skip")
    start(stage)
    seq = stage.snapshot()["seq"]
    change = Change.objects.get(count=3)
    answer = stage.do("Undo", seq=change.seq)
    assert answer == {
        "change": change.seq,
        "undone": 2,
        "left_out": [{"item_id": ids[0], "reason": "ALREADY_PLAYED"}],
    }
    assert stage.snapshot()["seq"] > seq
    assert stage.queue == []
    stage.do("Redo", seq=change.seq)
    assert stage.queue == ids[1:]


def test_nothing_possible_is_refused(stage: Stage) -> None:
    stage.play()
    item = stage.add()
    start(stage)
    stage.do("Skip")
    start(stage)
    change = Change.objects.order_by("seq")[1]
    with pytest.raises(NothingToUndo, match="Nothing of this change"):
        stage.do("Undo", seq=change.seq)
    assert item.pk == stage.current.pk


def test_a_value_that_changed_since_stays(stage: Stage) -> None:
    dj = stage.dj()
    stage.do("SetVolume", volume=40)
    stage.do("SetVolume", by=dj, volume=60)
    with pytest.raises(ChangedSince):
        stage.do("Undo")
    stage.do("SetVolume", by=dj, volume=40)
    stage.do("Undo")
    assert stage.player.volume == 100


@pytest.fixture(params=["few are put back", "so many that the whole queue is read"])
def places(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "whole" in request.param:
        monkeypatch.setattr(put_back, "MANY", 0)


@pytest.mark.usefixtures("places")
def test_items_return_behind_their_nearest_former_predecessor(stage: Stage) -> None:
    a, b, c, d = (str(stage.add().pk) for _ in range(4))
    stage.do("RemoveItem", item_id=c)
    seq = stage.snapshot()["seq"]
    stage.do("RemoveItem", item_id=b)
    stage.do("MoveItem", item_id=d, after=None)
    stage.do("Undo", seq=seq)
    assert stage.queue == [d, a, c]


@pytest.mark.usefixtures("places")
def test_items_return_in_their_old_order_with_new_ones_between(stage: Stage) -> None:
    ids = [str(stage.add().pk) for _ in range(6)]
    stage.do("RemoveItems", item_ids=[ids[4], ids[1], ids[2]])
    seq = stage.snapshot()["seq"]
    new = str(stage.add().pk)
    front = str(stage.add(position="next").pk)
    assert stage.do("Undo", seq=seq)["undone"] == 3
    assert stage.queue == [front, *ids, new]


@pytest.mark.usefixtures("places")
def test_items_return_to_their_rank_where_all_that_stood_before_them_is_gone(stage: Stage) -> None:
    a, b, c, d, e = (str(stage.add().pk) for _ in range(5))
    stage.do("RemoveItems", item_ids=[b, d])
    seq = stage.snapshot()["seq"]
    new = str(stage.add(position="next").pk)
    stage.do("RemoveItems", item_ids=[a, c])
    before = stage.snapshot()
    stage.do("Undo", seq=seq)
    assert [item["id"] for item in stage.assert_replays(before)["queue"]] == [new, b, d, e]


@pytest.mark.usefixtures("places")
def test_items_that_return_to_one_place_keep_their_order(stage: Stage) -> None:
    a, b, c, d, e = (str(stage.add().pk) for _ in range(5))
    stage.do("RemoveItems", item_ids=[b, d])
    seq = stage.snapshot()["seq"]
    stage.do("RemoveItem", item_id=c)
    before = stage.snapshot()
    stage.do("Undo", seq=seq)
    assert [item["id"] for item in stage.assert_replays(before)["queue"]] == [a, b, d, e]


def test_a_move_is_undone_where_all_that_stood_before_is_gone(stage: Stage) -> None:
    a, b, c = (str(stage.add().pk) for _ in range(3))
    stage.do("MoveItem", item_id=b, after=c)
    seq = stage.snapshot()["seq"]
    stage.do("RemoveItem", item_id=a)
    stage.do("MoveItem", item_id=b, after=None)
    before = stage.snapshot()
    stage.do("Undo", seq=seq)
    assert [item["id"] for item in stage.assert_replays(before)["queue"]] == [b, c]


def test_items_that_stood_apart_return_with_as_many_queries_as_few(stage: Stage) -> None:
    """One of two people who took turns is absent."""
    Membership.objects.filter(user=stage.member).update(owner=True)
    stage.play()
    hold(stage, 1_000)
    other, track = stage.join(), TrackFactory.create()
    sit(stage.member, stage.channel)
    counts = []
    for count in (4, 12):
        for _ in range(count):
            for person in (stage.member, other):
                stage.add(by=person, track=track)
        before = stage.snapshot()
        stage.do("RemoveAbsent")
        removed = stage.snapshot()
        assert len(removed["queue"]) == len(before["queue"]) // 2
        with CaptureQueriesContext(connection) as queries:
            stage.do("Undo")
        counts.append(sum("UPDATE queue_app_queueitem SET" not in query["sql"] for query in queries))
        undone = stage.assert_replays(removed)
        assert essence(undone) == essence(before)
        stage.do("Redo")
        assert essence(stage.assert_replays(undone)) == essence(removed)
        stage.do("Undo")
        assert essence(stage.snapshot()) == essence(before)
    assert counts[0] == counts[1]
    assert len(Change.objects.latest("seq").inverse) < 12 * 2 * 50


@pytest.mark.usefixtures("places")
def test_many_return_where_there_is_no_room_between_ranks(stage: Stage) -> None:
    first = stage.add()
    ids = stage.do("AddTracks", uris=uris(30))["item_ids"]
    last = stage.add()
    before = stage.snapshot()
    stage.do("RemoveItems", item_ids=ids)
    QueueItem.objects.filter(pk=last.pk).update(rank=first.rank + 3)
    stage.do("Undo")
    assert stage.queue == [each["id"] for each in before["queue"]]


def test_a_full_queue_takes_back_what_fits(stage: Stage, settings: Settings) -> None:
    ids = [str(stage.add().pk) for _ in range(4)]
    Membership.objects.filter(user=stage.member).update(owner=True)
    stage.do("ClearQueue")
    seq = stage.snapshot()["seq"]
    settings.QUEUE_MAX_ITEMS = 2
    new = stage.add()
    answer = stage.do("Undo", seq=seq)
    assert [each["reason"] for each in answer["left_out"]] == ["QUEUE_FULL"] * 3
    assert stage.queue == [ids[0], str(new.pk)]


def test_a_queue_that_is_full_takes_back_nothing(stage: Stage, settings: Settings) -> None:
    item = stage.add()
    stage.do("RemoveItem", item_id=str(item.pk))
    seq = stage.snapshot()["seq"]
    settings.QUEUE_MAX_ITEMS = 1
    stage.add()
    with pytest.raises(QueueFull):
        stage.do("Undo", seq=seq)


def test_a_shuffle_is_undone_around_what_came_since(stage: Stage) -> None:
    ids = [str(stage.add().pk) for _ in range(5)]
    stage.do("ShuffleQueue")
    seq = stage.snapshot()["seq"]
    stage.do("RemoveItem", item_id=ids[2])
    new, front = str(stage.add().pk), str(stage.add(position="next").pk)
    stage.do("Undo", seq=seq)
    assert stage.queue == [front, ids[0], ids[1], ids[3], ids[4], new]


# --- Failed items ---


def test_what_failed_first_comes_back_before_what_failed_later(stage: Stage) -> None:
    failed = [str(stage.fail().pk) for _ in range(3)]
    stage.do("RemoveItem", item_id=failed[0])
    before = stage.snapshot()
    stage.do("Undo")
    fresh = stage.assert_replays(before)
    assert [item["id"] for item in fresh["failed"]] == failed


def test_a_retry_that_fails_again_is_undone(stage: Stage) -> None:
    stage.do("AddTrack", query="no such song")
    before = stage.snapshot()
    stage.do("RetryItem", item_id=before["failed"][0]["id"])
    after = stage.snapshot()
    assert len(after["failed"]) == 1
    stage.do("Undo")
    assert essence(stage.snapshot()) == essence(before)
    stage.do("Redo")
    assert essence(stage.assert_replays(before)) == essence(after)
