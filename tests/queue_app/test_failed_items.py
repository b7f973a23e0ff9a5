"""Failed items: how long they are shown, and retrying, removing and clearing them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from queue_app.models import QueueItem
from tests.factories import TrackFactory
from tests.queue_app.stage import Stage


def test_what_failed_is_shown_for_ten_minutes(stage: Stage) -> None:
    failed = stage.fail()
    assert [item["id"] for item in stage.snapshot()["failed"]] == [str(failed.pk)]
    QueueItem.objects.update(ended_at=timezone.now() - timedelta(minutes=10))
    assert stage.snapshot()["failed"] == []


def test_retrying_adds_it_again_and_takes_the_failed_one_away(stage: Stage) -> None:
    failed = stage.fail(by=stage.join())
    before = stage.snapshot()
    again = stage.do("RetryItem", item_id=str(failed.pk))
    assert (again["track"]["uri"], again["requested_by"]["id"]) == (failed.track.uri, str(stage.member.pk))
    fresh = stage.assert_replays(before)
    assert ([item["id"] for item in fresh["queue"]], fresh["failed"]) == ([again["id"]], [])
    added, removed = [event["args"] for event in stage.events(after=before["seq"]) if "item" in event["args"]]
    assert (added["item"]["id"], added["retried_id"]) == (again["id"], str(failed.pk))
    assert (removed["item"]["id"], removed["why"]) == (str(failed.pk), "retried")


def test_retrying_what_nothing_matched_searches_again(stage: Stage) -> None:
    failed = stage.do("AddTrack", query="Brand New Song")
    assert failed["error"]["code"] == "NO_MATCH"
    track = TrackFactory.create(title="Brand New Song")
    again = stage.do("RetryItem", item_id=failed["id"])
    assert (again["track"]["uri"], again["state"]) == (track.uri, "queued")


def test_clearing_takes_the_failed_ones_away_too(stage: Stage) -> None:
    dj, failed = stage.dj(), [str(stage.fail().pk) for _ in range(2)]
    before = stage.snapshot()
    assert [item["id"] for item in before["failed"]] == failed
    # Even if the queue is empty.
    assert stage.do("ClearQueue", by=dj) == {"removed": 0, "dismissed": 2}
    assert stage.assert_replays(before)["failed"] == []
    removed = [event["args"] for event in stage.events(after=before["seq"])]
    assert [(args["item"]["id"], args["why"]) for args in removed] == [(pk, "cleared") for pk in failed]

    late = stage.fail()
    QueueItem.objects.filter(pk=late.pk).update(ended_at=timezone.now() - timedelta(minutes=11))
    stage.fail()
    stage.add()
    before = stage.snapshot()
    assert stage.do("ClearQueue", by=dj) == {"removed": 1, "dismissed": 1}
    fresh = stage.assert_replays(before)
    assert (fresh["queue"], fresh["failed"]) == ([], [])
    head = fresh["seq"]
    assert stage.do("ClearQueue", by=dj) == {"removed": 0}
    assert stage.snapshot()["seq"] == head


def test_removing_a_failed_one_is_for_its_requester_and_djs(stage: Stage) -> None:
    failed = str(stage.fail().pk)
    before = stage.snapshot()
    with pytest.raises(Exception, match="Only the requester or a DJ"):
        stage.do("RemoveItem", by=stage.join(), item_id=failed)
    stage.do("RemoveItem", item_id=failed)
    assert stage.assert_replays(before)["failed"] == []
    with pytest.raises(Exception, match="not in the queue"):
        stage.do("RemoveItem", item_id=failed)


@pytest.mark.parametrize("ending", ["queued", "removed"])
def test_what_waits_or_was_taken_out_cannot_be_retried(ending: str, stage: Stage) -> None:
    item = stage.add()
    if ending == "removed":
        stage.do("RemoveItem", item_id=str(item.pk))
    with pytest.raises(Exception, match="not in the queue"):
        stage.do("RetryItem", item_id=str(item.pk))
