"""Undo and redo of what plays."""

from __future__ import annotations

import pytest

from accounts.models import User
from guilds.models import Membership
from queue_app.domain import playback
from queue_app.domain.votes import recount
from queue_app.errors import NotAllowed, NothingToRedo, NothingToUndo, NotYourChange
from queue_app.models import ItemState, Play
from tests.factories import sit
from tests.queue_app.stage import Stage
from tests.queue_app.undoing import essence, start, uris

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


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
