"""Undo and redo: which change, who may, and what can still be restored."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from guilds.models import GuildSettings, Membership
from queue_app.domain import playback
from queue_app.domain.votes import recount
from queue_app.errors import (
    ChangedSince,
    NotAllowed,
    NothingToRedo,
    NothingToUndo,
    NotYourChange,
    NotYourItem,
    QueueFull,
)
from queue_app.models import Change, ItemState, Play, QueueItem
from realtime.models import Event, Store
from tests.factories import TrackFactory, sit
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

Snapshot = dict[str, Any]


class About(int):
    """Milliseconds that equal others within four seconds, because positions advance while a test runs."""

    __hash__ = None  # type: ignore[assignment]  # equal ones would need the same

    def __eq__(self, other: object) -> bool:
        return isinstance(other, int) and abs(int(self) - int(other)) < 4_000


def essence(snapshot: Snapshot) -> Snapshot:
    """The state that undo restores, without ranks, and with an approximate position."""
    player, item = snapshot["player"], snapshot["player"]["item"]
    return {
        "queue": [each["id"] for each in snapshot["queue"]],
        "queue_total": snapshot["queue_total"],
        "failed": [each["id"] for each in snapshot["failed"]],
        "item": item and item["id"],
        "position_ms": About(player["position_ms"]),
        **{name: player[name] for name in ("volume", "loop", "voice_channel_id")},
    }


def playing(stage: Stage) -> None:
    """A current track at 0:50, a played one, a failed one, and five queued ones, one of them queued twice."""
    Membership.objects.filter(user=stage.member).update(owner=True)
    stage.fail()
    stage.play()
    stage.do("Skip")
    stage.add()
    start(stage)
    hold(stage, 50_000)
    track = TrackFactory.create()
    for _ in range(2):
        stage.add(track=track)
    for _ in range(3):
        stage.add()


def hold(stage: Stage, position_ms: int) -> None:
    """Have the current track stand at that position, so that a slow machine makes no difference."""
    playback.observe(
        stage.id,
        owner=stage.owner,
        connected_channel_id=stage.player.voice_channel_id,
        sounding=False,
        position_ms=position_ms,
    )


def start(stage: Stage) -> None:
    if playback.start_next(stage.id, owner=stage.owner):
        stage.hear()


def skipping(stage: Stage) -> None:
    stage.do("Skip")
    start(stage)


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


def uris(count: int) -> list[str]:
    return [TrackFactory.create().uri for _ in range(count)]


def settings_of(stage: Stage) -> Any:
    return GuildSettings.objects.filter(guild=stage.guild).values().get()


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


# --- What can still be restored ---


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


def test_items_return_behind_their_nearest_former_predecessor(stage: Stage) -> None:
    a, b, c, d = (str(stage.add().pk) for _ in range(4))
    stage.do("RemoveItem", item_id=c)
    seq = stage.snapshot()["seq"]
    stage.do("RemoveItem", item_id=b)
    stage.do("MoveItem", item_id=d, after=None)
    stage.do("Undo", seq=seq)
    assert stage.queue == [d, a, c]


def test_items_return_in_their_old_order_with_new_ones_between(stage: Stage) -> None:
    ids = [str(stage.add().pk) for _ in range(6)]
    stage.do("RemoveItems", item_ids=[ids[4], ids[1], ids[2]])
    seq = stage.snapshot()["seq"]
    new = str(stage.add().pk)
    front = str(stage.add(position="next").pk)
    assert stage.do("Undo", seq=seq)["undone"] == 3
    assert stage.queue == [front, *ids, new]


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


# --- The current track ---


def crowd(stage: Stage, count: int = 3) -> list[User]:
    return stage.seat(count)


def test_undoing_a_skip_puts_what_plays_to_the_front_with_its_position(stage: Stage) -> None:
    stage.play()
    stage.hear(30_000)
    skipped = stage.current
    following = stage.add()
    rest = stage.add()
    stage.do("Skip")
    start(stage)
    stage.hear(12_000)
    stage.do("Undo")
    assert stage.current.pk == skipped.pk
    assert abs(stage.player.position_ms - 30_000) < 1_000
    assert stage.queue == [str(following.pk), str(rest.pk)]
    following.refresh_from_db()
    assert abs(following.resume_ms - 12_000) < 1_000
    stage.do("Skip")
    start(stage)
    assert stage.current.pk == following.pk
    assert abs(stage.player.position_ms - 12_000) < 1_000


def test_a_track_that_played_in_the_meantime_waits_at_the_front_as_well(stage: Stage) -> None:
    stage.play()
    stage.do("Skip")
    mine = stage.add()
    start(stage)
    stage.add(by=stage.join())
    stage.do("Previous")
    for _ in range(2):
        playback.finish(stage.id, item_id=stage.current.pk, owner=stage.owner)
        start(stage)
    crowd(stage)
    answer = stage.do("Undo")
    assert answer["left_out"] == [{"item_id": str(mine.pk), "reason": "WOULD_INTERRUPT"}]
    assert stage.queue == [str(mine.pk)]


def test_who_would_interrupt_others_gets_the_track_at_the_front(stage: Stage) -> None:
    stage.play()
    mine = stage.current
    theirs = stage.add(by=stage.join())
    stage.do("Skip")
    start(stage)
    crowd(stage)
    answer = stage.do("Undo")
    assert answer["left_out"] == [{"item_id": str(mine.pk), "reason": "WOULD_INTERRUPT"}]
    assert stage.current.pk == theirs.pk
    assert stage.queue == [str(mine.pk)]
    mine.refresh_from_db()
    assert mine.state == ItemState.QUEUED


def test_a_skip_by_vote_is_undone_by_the_requester_and_djs_only(stage: Stage) -> None:
    stage.play()
    stage.hear(20_000)
    voted = stage.current
    people = crowd(stage)
    for person in people[:2]:
        stage.do("Skip", by=person)
    seq = stage.snapshot()["seq"]
    assert stage.names[-1] == "TrackSkipped"
    with pytest.raises(NothingToUndo):
        stage.do("Undo", by=people[1])
    with pytest.raises(NotYourChange):
        stage.do("Undo", by=people[1], seq=seq)
    stage.do("Undo", seq=seq)
    assert stage.current.pk == voted.pk


def test_a_vote_that_people_decide_by_leaving_is_undone_too(stage: Stage) -> None:
    from guilds.models import VoiceState

    stage.play()
    voted = stage.current
    people = crowd(stage, 5)
    for person in people[:2]:
        stage.do("Skip", by=person)
    for person in people[3:]:
        VoiceState.objects.filter(discord_id=person.discord_id).delete()
    recount(stage.id)
    assert stage.names[-1] == "TrackSkipped"
    stage.do("Undo", seq=stage.snapshot()["seq"])
    assert stage.current.pk == voted.pk


def test_redoing_a_skip_does_not_get_past_a_vote(stage: Stage) -> None:
    dj = stage.dj()
    stage.play()
    stage.add()
    crowd(stage)
    stage.do("Skip", by=dj)
    start(stage)
    stage.do("Undo", by=dj)
    playing = stage.current
    Membership.objects.filter(user=dj).update(role_ids=[])
    sit(dj, stage.channel)
    with pytest.raises(NothingToRedo):
        stage.do("Redo", by=dj)
    assert stage.current.pk == playing.pk


def test_a_play_is_continued_and_counted_once(stage: Stage) -> None:
    stage.play()
    stage.hear(30_000)
    item = stage.current
    stage.do("Seek", position_ms=60_000)
    stage.hear(70_000)
    stage.do("Skip")
    play = Play.objects.get(item=item)
    assert (play.outcome, round(play.heard_ms / 1000)) == ("skipped", 40)
    stage.do("Undo")
    stage.hear(75_000)
    playback.finish(stage.id, item_id=item.pk, owner=stage.owner)
    play = Play.objects.get(item=item)
    assert (play.outcome, round(play.heard_ms / 1000)) == ("played", 45)


def test_a_play_that_was_interrupted_is_over_until_it_continues(stage: Stage) -> None:
    stage.play()
    stage.hear(30_000)
    skipped = stage.current
    following = stage.add()
    stage.do("Skip")
    start(stage)
    stage.hear(12_000)
    stage.do("Undo")
    assert list(Play.objects.filter(ended_at=None).values_list("item", flat=True)) == [skipped.pk]
    stage.do("RemoveItem", item_id=str(following.pk))
    play = Play.objects.get(item=following)
    assert (play.outcome, round(play.heard_ms / 1000)) == ("skipped", 12)


def test_a_skip_that_is_undone_at_once_is_one_play(stage: Stage) -> None:
    stage.play()
    stage.do("Seek", position_ms=0)
    stage.do("Skip")
    stage.do("Undo")
    assert Play.objects.count() == 1


@pytest.mark.parametrize("name", ["Skip", "SkipTo", "AddTrack"])
def test_a_skip_of_somebody_elses_track_is_undone_where_the_queue_loops(name: str, stage: Stage) -> None:
    other = stage.join()
    playing = stage.play()
    stage.do("SetLoop", loop="queue")
    item = stage.add(by=other)
    before = stage.snapshot()
    args = {"SkipTo": {"item_id": str(item.pk)}, "AddTrack": {"query": uris(1)[0], "position": "now"}}
    stage.do(name, by=other, **args.get(name, {}))
    done = stage.snapshot()
    assert done["queue"][-1]["track"]["uri"] == playing.track.uri
    stage.do("Undo", by=other)
    assert essence(stage.snapshot()) == essence(before)
    stage.do("Redo", by=other)
    assert essence(stage.snapshot()) == essence(done)


def test_who_may_not_redo_a_skip_is_told_why(stage: Stage) -> None:
    """Nobody listened when the track was skipped, but now people listen."""
    other = stage.join()
    stage.play()
    stage.do("Skip", by=other)
    stage.do("Undo", by=other)
    crowd(stage)
    with pytest.raises(NotAllowed, match="takes a vote"):
        stage.do("Redo", by=other)


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
