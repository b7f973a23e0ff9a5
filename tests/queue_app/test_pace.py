"""How fast one person may change thousands of tracks."""

from __future__ import annotations

import pytest

from library.errors import TooManyPlaylists
from queue_app.commands import COMMANDS
from queue_app.domain import pace
from queue_app.errors import TooManyChanges
from realtime.limits import Bucket
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

# Commands that append one event for each 200 tracks. All others change one.
MANY = {
    "AddTracks", "ClearQueue", "MoveItems", "Redo", "RemoveAbsent", "RemoveDuplicates", "RemoveItems", "SaveQueue",
    "ShuffleQueue", "SkipTo", "Stop", "Undo",
}  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "time", clock)
    return clock


@pytest.fixture(autouse=True)
def burst_of_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "BURST", 10.0)
    monkeypatch.setattr(pace, "_of_people", type(pace._of_people)())


def test_every_command_of_many_tracks_is_counted() -> None:
    """Those say so whose events may each list many items, and those that may run them."""
    assert {name for name, command in COMMANDS.items() if command.many} == MANY


def test_shuffling_a_long_queue_again_and_again_is_refused(stage: Stage, clock: Clock) -> None:
    stage.dj()
    stage.fill(1_000)
    stage.do("ShuffleQueue")
    stage.do("ShuffleQueue")
    head = len(stage.names)
    with pytest.raises(TooManyChanges) as refused:
        stage.do("ShuffleQueue", key="again")
    assert refused.value.retry_after == pytest.approx(1 / pace.RATE)
    assert len(stage.names) == head
    stage.do("ShuffleQueue", by=stage.dj())  # others may
    stage.do("SetVolume", volume=30)  # and so may the same person, what costs nothing
    clock.now += 0.3
    stage.do("ShuffleQueue", key="again")
    stage.do("ShuffleQueue", key="again")  # the stored answer


@pytest.mark.parametrize("name", sorted(MANY - {"Stop", "Redo"}))
def test_each_of_them_waits_and_costs_what_it_changes(name: str, stage: Stage, clock: Clock) -> None:
    args = stage.prepare(name)
    bucket = pace._of_people[stage.member.pk] = Bucket(pace.RATE, pace.BURST)
    bucket.missing(1.0, now=clock.now)
    bucket.take(pace.BURST)
    with pytest.raises(TooManyChanges):
        stage.do(name, **args)
    clock.now += 0.3
    stage.do(name, **args)


def test_a_small_change_costs_nothing(stage: Stage, clock: Clock) -> None:
    for _ in range(8):
        stage.add()
        stage.do("Undo")


def test_reading_the_whole_queue_counts_although_nothing_changes(stage: Stage, clock: Clock) -> None:
    dj = stage.dj()
    stage.fill(1_000)
    for _ in range(2):
        assert stage.do("ClearQueue", by=dj, whose="mine") == {"removed": 0}
    with pytest.raises(TooManyChanges):
        stage.do("ClearQueue", by=dj, whose="mine")


def test_a_refusal_after_the_queue_was_read_counts_too(
    stage: Stage, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("library.domain.playlists.MAX_PER_PERSON", 0)
    stage.fill(1_000)
    for number in range(2):
        with pytest.raises(TooManyPlaylists):
            stage.do("SaveQueue", name=f"List {number}")
    with pytest.raises(TooManyChanges):
        stage.do("SaveQueue", name="List")
