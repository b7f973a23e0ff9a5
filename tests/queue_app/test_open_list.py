"""The tracks of a playlist take the place of the link that leads to it, as one change with adding the link."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from library.sources.playlists import Line
from queue_app.domain.open_list import open_list
from queue_app.errors import LeaseLost
from queue_app.models import ItemState, Play, QueueItem
from tests.factories import TrackFactory
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

LINK = "https://radio.example/list.m3u"


def lines(count: int) -> list[Line]:
    return [Line(location=f"https://radio.example/{number}.mp3") for number in range(count)]


def opened(stage: Stage, item_id: Any, count: int = 3, *, owner: str = "") -> tuple[int, int] | None:
    return open_list(stage.id, owner=owner or stage.owner, item_id=item_id, lines=lines(count))


@pytest.fixture
def link(stage: Stage) -> QueueItem:
    """A queued link, between two tracks."""
    stage.play()
    stage.add(track=TrackFactory.create(title="Before"))
    stage.do("AddTrack", query=LINK)
    item = QueueItem.objects.get(track__uri=LINK)
    stage.add(by=stage.join(), track=TrackFactory.create(title="After"))
    return item


def names(stage: Stage) -> list[str]:
    return [
        each["track"]["title"] or each["track"]["uri"].rpartition("/")[2]
        for each in stage.snapshot()["queue"]
    ]


def test_the_tracks_take_its_place_and_one_undo_removes_them(stage: Stage, link: QueueItem) -> None:
    before = stage.snapshot()
    assert opened(stage, link.pk) == (3, 0)
    assert names(stage) == ["Before", "0.mp3", "1.mp3", "2.mp3", "After"]
    assert stage.events()[-2]["args"]["added"] == 3
    assert {item.requested_by for item in QueueItem.objects.filter(listed=True)} == {stage.member}
    fresh = stage.assert_replays(before)
    assert fresh["queue_total"] == 5
    assert stage.do("Undo")["undone"] == 3
    assert names(stage) == ["Before", "After"]
    assert stage.do("Redo")["redone"] == 3
    assert names(stage) == ["Before", "0.mp3", "1.mp3", "2.mp3", "After"]


def test_a_thousand_tracks_are_one_change(stage: Stage, link: QueueItem) -> None:
    assert opened(stage, link.pk, 1_000) == (1_000, 0)
    assert stage.do("Undo")["undone"] == 1_000
    assert names(stage) == ["Before", "After"]


def test_the_current_track_gives_way_and_is_no_play(stage: Stage) -> None:
    current = stage.play()
    other = stage.add(track=TrackFactory.create(title="After"))
    assert opened(stage, current.pk) == (3, 0)
    assert stage.player.item is None
    assert names(stage) == ["0.mp3", "1.mp3", "2.mp3", "After"]
    assert not Play.objects.filter(item=current).exists()
    assert other.pk in {each.pk for each in QueueItem.objects.filter(state=ItemState.QUEUED)}


def test_the_limits_and_sources_of_its_requester_apply(
    stage: Stage, link: QueueItem, settings: Settings
) -> None:
    stage.decide(max_per_person=4)
    assert opened(stage, link.pk) == (3, 0)  # one queued, and the link made room
    stage.do("Undo")
    stage.decide(max_per_person=None)
    again = stage.do("AddTrack", query=LINK)["id"]
    settings.QUEUE_MAX_ITEMS = 4
    assert opened(stage, again) == (2, 1)
    stage.do("Undo")
    stage.decide(allowed_sources=["library"])
    settings.QUEUE_MAX_ITEMS = 100
    item = QueueItem.objects.create(
        guild_id=stage.id, track=link.track, requested_by=stage.member, rank=10**9
    )
    head = len(stage.names)
    assert opened(stage, item.pk) == (0, 3)
    item.refresh_from_db()
    assert (item.state, len(stage.names)) == (ItemState.QUEUED, head)


def test_what_is_gone_or_comes_from_a_playlist_is_left(stage: Stage, link: QueueItem) -> None:
    assert opened(stage, link.pk) == (3, 0)
    inner = QueueItem.objects.filter(listed=True, state=ItemState.QUEUED).first()
    assert inner is not None
    head = len(stage.names)
    assert opened(stage, inner.pk) is None
    assert opened(stage, link.pk) is None
    assert len(stage.names) == head


def test_only_the_bot_with_the_lease_may(stage: Stage, link: QueueItem) -> None:
    with pytest.raises(LeaseLost):
        opened(stage, link.pk, owner="another")
    assert "0.mp3" not in names(stage)


def test_people_take_turns(stage: Stage, link: QueueItem) -> None:
    stage.decide(fair_order=True)
    assert opened(stage, link.pk) == (3, 0)
    assert names(stage).index("After") < names(stage).index("2.mp3")
