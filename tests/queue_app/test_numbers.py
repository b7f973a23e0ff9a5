"""Queued items are found by their number, by words, and as the first that nobody has read."""

from __future__ import annotations

import uuid

import pytest

from library.models import Track
from queue_app.models import QueueItem
from queue_app.numbers import numbered_items, place_for_number, search_queue
from queue_app.queries import next_unresolved, queued_items, waiting
from tests.factories import TrackFactory
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.both_databases


def test_numbers_of_items_are_found_without_reading_the_others(stage: Stage) -> None:
    ids = stage.fill(6)
    assert [str(item.pk) for item in queued_items(stage.id, limit=4)] == ids[:4]
    assert [str(item.pk) for item in numbered_items(stage.id, 2, 4)] == ids[1:4]
    assert [str(item.pk) for item in numbered_items(stage.id, 6, 9)] == ids[5:]
    assert numbered_items(stage.id, 7, 9) == numbered_items(stage.id, 0, 0) == []
    assert waiting(stage.id, before=QueueItem.objects.get(pk=ids[3]).rank).tracks == 3
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
    stage.fill(3)
    Track.objects.update(resolved_at="2026-01-01T00:00Z")
    assert next_unresolved(stage.id) is None
    Track.objects.filter(pk=stage.fail().track_id).update(resolved_at=None)  # failed, and never read
    Stage().do("AddTrack", query="https://radio.example.net/other.mp3")
    late = stage.do("AddTrack", query="https://radio.example.net/late.mp3")
    early = stage.do("AddTrack", query="https://radio.example.net/early.mp3", position="next")
    assert next_unresolved(stage.id) == (uuid.UUID(early["id"]), "https://radio.example.net/early.mp3")
    stage.do("RemoveItem", item_id=early["id"])
    assert next_unresolved(stage.id) == (uuid.UUID(late["id"]), "https://radio.example.net/late.mp3")
