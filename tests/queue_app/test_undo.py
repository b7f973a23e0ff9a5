"""Undo and redo: every change returns, which one it is, and who may."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from guilds.models import Membership
from queue_app.errors import NotAllowed, NothingToRedo, NothingToUndo, NotYourChange, NotYourItem
from queue_app.models import Change, ItemState, QueueItem
from realtime.models import Event, Store
from tests.queue_app.stage import Stage
from tests.queue_app.undoing import essence, playing, settings_of, skipping, start, uris

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


CHANGES: dict[str, Callable[[Stage], Any]] = {
    "add": lambda stage: stage.add(),
    "add next": lambda stage: stage.add(position="next"),
    "add now": lambda stage: stage.add(position="now"),
    "add behind": lambda stage: stage.add(position={"after": stage.queue[1]}),
    "add many": lambda stage: stage.do("AddTracks", uris=uris(3)),
    "add many next, shuffled": lambda stage: stage.do(
        "AddTracks", uris=uris(3), position="next", shuffle=True
    ),
    "add many now": lambda stage: stage.do("AddTracks", uris=uris(3), position="now"),
    "remove": lambda stage: stage.do("RemoveItem", item_id=stage.queue[2]),
    "remove first": lambda stage: stage.do("RemoveItem", item_id=stage.queue[0]),
    "dismiss": lambda stage: stage.do("RemoveItem", item_id=stage.snapshot()["failed"][0]["id"]),
    "remove several": lambda stage: stage.do(
        "RemoveItems", item_ids=[stage.queue[each] for each in (0, 1, 3)]
    ),
    "remove duplicates": lambda stage: stage.do("RemoveDuplicates"),
    "remove absent": lambda stage: stage.do("RemoveAbsent"),
    "move": lambda stage: stage.do("MoveItem", item_id=stage.queue[3], after=stage.queue[0]),
    "move to the front": lambda stage: stage.do("MoveItem", item_id=stage.queue[3], after=None),
    "move several": lambda stage: stage.do(
        "MoveItems", item_ids=[stage.queue[each] for each in (0, 1, 3)], after=stage.queue[2]
    ),
    "move several to the front": lambda stage: stage.do("MoveItems", item_ids=stage.queue[2:4], after=None),
    "move several to the end": lambda stage: stage.do("MoveItems", item_ids=stage.queue[:2]),
    "clear": lambda stage: stage.do("ClearQueue"),
    "clear mine": lambda stage: stage.do("ClearQueue", whose="mine"),
    "shuffle": lambda stage: stage.do("ShuffleQueue"),
    "skip": lambda stage: stage.do("Skip"),
    "skip, and the next one plays": skipping,
    "jump": lambda stage: stage.do("SkipTo", item_id=stage.queue[2]),
    "jump to the next": lambda stage: stage.do("SkipTo", item_id=stage.queue[0]),
    "replay": lambda stage: stage.do("Replay"),
    "seek": lambda stage: stage.do("Seek", position_ms=10_000),
    "seek on": lambda stage: stage.do("Seek", delta_ms=5_000),
    "stop": lambda stage: stage.do("Stop"),
    "volume": lambda stage: stage.do("SetVolume", volume=31),
    "loop": lambda stage: stage.do("SetLoop", loop="queue"),
    "settings": lambda stage: stage.do("ChangeSettings", vote_share=71, max_per_person=3),
    "retry": lambda stage: stage.do("RetryItem", item_id=stage.snapshot()["failed"][0]["id"]),
}
EACH = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


@EACH
def test_an_undo_returns_the_snapshot_and_a_redo_what_was_done(
    change: Callable[[Stage], Any], stage: Stage
) -> None:
    playing(stage)
    before, chosen = stage.snapshot(), settings_of(stage)
    change(stage)
    done, then = stage.snapshot(), settings_of(stage)
    first = before["seq"] + 1
    answer = stage.answer("Undo")
    assert answer.result["left_out"] == []
    assert answer.result["change"] == first
    undone = stage.assert_replays(done)
    assert essence(undone) == essence(before)
    assert settings_of(stage) == chosen
    events = stage.events(after=done["seq"])
    assert {event["metadata"]["undoes"] for event in events} == {first}
    again = stage.answer("Redo")
    assert again.result["left_out"] == []
    redone = stage.assert_replays(undone)
    assert essence(redone) == essence(done)
    assert settings_of(stage) == then
    assert {event["metadata"]["redoes"] for event in stage.events(after=undone["seq"])} == {first}
    stage.do("Undo")
    assert essence(stage.assert_replays(redone)) == essence(before)


def test_going_back_is_undone(stage: Stage) -> None:
    playing(stage)
    stage.do("Seek", position_ms=2_000)
    before = stage.snapshot()
    heard = QueueItem.objects.filter(state=ItemState.SKIPPED).get()
    stage.do("Previous")
    there = stage.assert_replays(before)
    assert there["player"]["item"]["id"] == str(heard.pk)
    assert there["queue"][0]["id"] == before["player"]["item"]["id"]
    stage.do("Undo")
    back = stage.assert_replays(there)
    assert essence(back) == essence(before)
    heard.refresh_from_db()
    assert heard.state == ItemState.SKIPPED
    stage.do("Redo")
    assert essence(stage.assert_replays(back)) == essence(there)


def test_going_back_from_its_copy_is_undone(stage: Stage) -> None:
    """The current track is what the loop added for the one before it."""
    first = stage.play()
    stage.do("SetLoop", loop="queue")
    stage.do("Skip")
    start(stage)
    before = stage.snapshot()
    stage.do("Previous")
    there = stage.assert_replays(before)
    assert there["player"]["item"]["id"] == str(first.pk)
    assert there["queue"] == []
    assert stage.do("Undo")["left_out"] == []
    back = stage.assert_replays(there)
    assert essence(back) == essence(before)
    assert stage.do("Redo")["left_out"] == []
    assert essence(stage.assert_replays(back)) == essence(there)


@pytest.mark.parametrize("position", ["next", "end", "behind the last"])
def test_an_add_that_needed_no_right_to_move_is_redone_without_it(position: str, stage: Stage) -> None:
    other = stage.join()
    stage.decide(may_move="managers")
    where: Any = position
    if position == "behind the last":
        where = {"after": str(stage.add().pk)}
    stage.add(by=other, position=where)
    stage.do("Undo", by=other)
    stage.do("Redo", by=other)
    assert stage.queue
    stage.do("Undo", by=other)
    stage.add()
    stage.add()
    if position != "end":
        with pytest.raises(NotAllowed, match="order of the queue"):
            stage.do("Redo", by=other)


def test_a_stop_is_undone_paused(stage: Stage) -> None:
    playing(stage)
    stage.do("Stop")
    stopped = stage.snapshot()
    assert (stopped["player"]["status"], stopped["queue"]) == ("stopped", [])
    stage.do("Undo")
    assert stage.snapshot()["player"]["status"] == "paused"
    stage.do("Redo")
    assert essence(stage.snapshot()) == essence(stopped)
    assert stage.snapshot()["player"]["status"] == "stopped"


# --- Which change, and who may ---


def test_it_is_ones_own_newest_change(stage: Stage) -> None:
    other = stage.join()
    mine = stage.add()
    stage.add(by=other)
    stage.do("Undo")
    assert str(mine.pk) not in stage.queue
    assert len(stage.queue) == 1
    with pytest.raises(NothingToUndo):
        stage.do("Undo")


def test_changes_are_undone_one_after_the_other_and_redone_the_same_way(stage: Stage) -> None:
    ids = [str(stage.add().pk) for _ in range(3)]
    for left in (2, 1, 0):
        stage.do("Undo")
        assert stage.queue == ids[:left]
    for there in (1, 2, 3):
        stage.do("Redo")
        assert stage.queue == ids[:there]
    with pytest.raises(NothingToRedo):
        stage.do("Redo")


def test_a_new_change_clears_redo(stage: Stage) -> None:
    stage.add()
    stage.do("Undo")
    stage.add()
    with pytest.raises(NothingToRedo):
        stage.do("Redo")


def test_any_seq_of_a_change_names_it(stage: Stage) -> None:
    playing(stage)
    first = stage.snapshot()["seq"] + 1
    stage.add(position="now")  # adds a track and skips the current one
    last = stage.snapshot()["seq"]
    stage.add()
    assert last > first
    assert stage.do("Undo", seq=last)["change"] == first
    with pytest.raises(NothingToUndo, match="already undone"):
        stage.do("Undo", seq=first)


@pytest.mark.parametrize("seq", [1, 999])
def test_what_is_no_change_is_not_undone(seq: int, stage: Stage) -> None:
    stage.play()
    stage.do("Pause")
    with pytest.raises(NothingToUndo):
        stage.do("Undo", seq=seq)
    with pytest.raises(NothingToRedo):
        stage.do("Redo", seq=seq)


def test_only_a_dj_undoes_what_others_did(stage: Stage) -> None:
    other, dj = stage.join(), stage.dj()
    stage.add()
    seq = stage.snapshot()["seq"]
    with pytest.raises(NotYourChange):
        stage.do("Undo", by=other, seq=seq)
    stage.do("Undo", by=dj, seq=seq)
    assert stage.queue == []
    stage.do("Redo", by=dj)
    assert len(stage.queue) == 1
    stage.do("Undo", by=dj, seq=seq)
    stage.do("Redo")  # by the author of the change
    assert len(stage.queue) == 1


def test_the_right_is_asked_for_now(stage: Stage) -> None:
    dj = stage.dj()
    stage.add()
    stage.do("ClearQueue", by=dj)
    stage.decide(may_clear="managers")
    before = stage.snapshot()
    with pytest.raises(Exception, match="Only managers"):
        stage.do("Undo", by=dj)
    assert stage.snapshot()["seq"] == before["seq"]


def test_a_dj_no_longer_undoes_the_removal_of_others(stage: Stage) -> None:
    dj = stage.dj()
    item = stage.add()
    stage.do("RemoveItem", by=dj, item_id=str(item.pk))
    stage.do("Undo", by=dj)
    assert stage.queue == [str(item.pk)]
    Membership.objects.filter(user=dj).update(role_ids=[])
    with pytest.raises(NotYourItem):
        stage.do("Redo", by=dj)


def test_it_reaches_back_a_day_and_a_thousand_events(stage: Stage) -> None:
    stage.add()
    seq = stage.snapshot()["seq"]
    Change.objects.update(created_at=timezone.now() - timedelta(hours=25))
    for args in ({}, {"seq": seq}):
        with pytest.raises(NothingToUndo):
            stage.do("Undo", **args)
    Change.objects.update(created_at=timezone.now() - timedelta(hours=23))
    store = Store.objects.get(name=f"guild:{stage.id}")
    Store.objects.filter(pk=store.pk).update(head=store.head + 1001)
    with pytest.raises(NothingToUndo):
        stage.do("Undo", seq=seq)
    Store.objects.filter(pk=store.pk).update(head=store.head + 998)
    stage.do("Undo", seq=seq)


def test_a_log_that_was_replaced_has_nothing_to_undo(stage: Stage) -> None:
    stage.add()
    Store.objects.filter(name=f"guild:{stage.id}").update(epoch="other")
    with pytest.raises(NothingToUndo):
        stage.do("Undo")


def test_the_same_key_undoes_once(stage: Stage) -> None:
    ids = [str(stage.add().pk) for _ in range(2)]
    first = stage.answer("Undo", key="once")
    assert stage.answer("Undo", key="once") == first
    assert stage.queue == ids[:1]


# --- Bad input ---


@pytest.mark.parametrize("seq", [0, -1, 1.5, "1", True, 2**53, []])
@pytest.mark.parametrize("name", ["Undo", "Redo"])
def test_a_seq_is_a_whole_number(name: str, seq: object, stage: Stage) -> None:
    from accounts.errors import InvalidInput

    with pytest.raises(InvalidInput) as caught:
        stage.do(name, seq=seq)
    assert list(caught.value.errors) == ["seq"]


def test_the_change_of_who_left_names_nobody(stage: Stage) -> None:
    stage.add(by=(other := stage.join()))
    assert str(uuid.UUID(stage.queue[0])) in Change.objects.get().inverse
    other.delete()
    assert Change.objects.get().actor is None
    assert Event.objects.filter(undoes__isnull=False).count() == 0
