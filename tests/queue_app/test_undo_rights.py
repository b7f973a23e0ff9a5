"""Undo and redo ask for the rights of what they do, as of now."""

from __future__ import annotations

import pytest

from guilds.models import Membership
from queue_app.domain import playback
from queue_app.errors import NotAllowed, NothingPlaying, NothingToUndo, NotSeekable, NotYourItem
from queue_app.models import Change, QueueItem
from tests.factories import TrackFactory, sit
from tests.queue_app.stage import Stage

pytestmark = pytest.mark.django_db


def test_a_former_dj_does_not_put_back_what_was_others(stage: Stage) -> None:
    dj = stage.dj()
    item = stage.add()
    stage.do("RemoveItem", by=dj, item_id=str(item.pk))
    Membership.objects.filter(user=dj).update(role_ids=[])
    with pytest.raises(NotYourItem):
        stage.do("Undo", by=dj)


def test_redoing_an_add_needs_the_right_to_add(stage: Stage) -> None:
    stage.add()
    stage.do("Undo")
    stage.decide(may_add="dj")
    with pytest.raises(NotAllowed):
        stage.do("Redo")


def test_redoing_an_add_needs_the_source(stage: Stage) -> None:
    stage.add()
    stage.do("Undo")
    stage.decide(allowed_sources=["http"])
    with pytest.raises(NotAllowed):
        stage.do("Redo")


def test_redoing_an_add_before_others_needs_the_right_to_move(stage: Stage) -> None:
    stage.add(by=stage.join())
    stage.add(position="next")
    stage.do("Undo")
    stage.decide(may_move="dj")
    with pytest.raises(NotAllowed):
        stage.do("Redo")


def test_redoing_a_stop_needs_the_rights_of_stop(stage: Stage) -> None:
    dj = stage.dj()
    stage.play_as(dj)
    stage.do("Stop", by=dj)
    stage.do("Undo", by=dj)
    stage.decide(may_clear="managers")
    with pytest.raises(NotAllowed):
        stage.do("Redo", by=dj)


def test_a_stop_without_a_current_track_is_undone_paused(stage: Stage) -> None:
    dj = stage.dj()
    stage.do("JoinVoice", by=dj, channel_id=stage.channel.pk)
    items = [str(stage.add(by=dj).pk) for _ in range(2)]
    stage.do("Stop", by=dj)
    stage.do("Undo", by=dj)
    player = stage.snapshot()["player"]
    assert (player["status"], player["voice_channel_id"]) == ("paused", stage.channel.pk)
    assert stage.queue == items


def test_what_has_played_does_not_keep_from_undoing_what_was_before(stage: Stage) -> None:
    stage.play()
    stage.do("SetVolume", volume=40)
    stage.add()
    stage.do("Skip", by=stage.dj())
    playback.start_next(stage.id, owner=stage.owner)
    stage.do("Undo")
    assert stage.player.volume == 100


def test_a_track_heard_since_is_not_played_again(stage: Stage) -> None:
    item = stage.play()
    stage.do("Skip")
    seq = stage.snapshot()["seq"]
    stage.do("Previous")
    playback.finish(stage.id, owner=stage.owner, item_id=item.pk)
    with pytest.raises(NothingToUndo):
        stage.do("Undo", seq=seq)


def test_settings_return_one_by_one(stage: Stage) -> None:
    owner, other = stage.join(owner=True), stage.join(manager=True)
    stage.do("ChangeSettings", by=owner, vote_share=70, may_add="dj")
    stage.do("ChangeSettings", by=other, may_add="managers")
    answer = stage.do("Undo", by=owner)
    assert (answer["undone"], answer["left_out"]) == (1, [{"item_id": "may_add", "reason": "CHANGED_SINCE"}])


def test_a_stream_has_no_position_to_go_back_to(stage: Stage) -> None:
    stage.add(track=TrackFactory.create(is_live=True, duration_ms=None))
    stage.do("JoinVoice", channel_id=stage.channel.pk)
    assert playback.take_lease(stage.id, owner=stage.owner)
    playback.start_next(stage.id, owner=stage.owner)
    with pytest.raises(NotSeekable):
        stage.do("Seek", position_ms=1)
    with pytest.raises(NotSeekable):
        stage.do("Replay")


def test_a_step_of_another_version_is_refused(stage: Stage) -> None:
    stage.add()
    Change.objects.update(inverse='[{"do":"Unheard"}]')
    with pytest.raises(NothingToUndo, match="another version"):
        stage.do("Undo")


# --- The loop ---


def test_going_back_takes_away_the_copy_that_the_loop_added(stage: Stage) -> None:
    first = stage.play()
    second = stage.add()
    stage.do("SetLoop", loop="queue")
    playback.finish(stage.id, owner=stage.owner, item_id=first.pk)
    playback.start_next(stage.id, owner=stage.owner)
    stage.do("Previous")
    assert (stage.current.pk, stage.queue) == (first.pk, [str(second.pk)])
    stage.do("Undo")
    assert stage.current.pk == second.pk
    assert len(stage.queue) == 1


def test_what_a_jump_passes_is_added_again_in_a_loop(stage: Stage) -> None:
    first = stage.play()
    for _ in range(3):
        stage.add()
    stage.do("SetLoop", loop="queue")
    before = stage.queue
    stage.do("SkipTo", item_id=before[2])
    assert stage.queue[0] == before[2]
    assert len(stage.queue) == 4
    stage.do("Undo")
    assert (stage.current.pk, stage.queue) == (first.pk, before)


# --- Nothing to stop ---


def test_a_stop_where_nothing_plays_changes_nothing(stage: Stage) -> None:
    before = stage.snapshot()
    stage.do("Stop", by=stage.join(owner=True))
    assert stage.snapshot()["seq"] == before["seq"]
    with pytest.raises(NothingToUndo):
        stage.do("Undo", by=stage.join(owner=True))


# --- Jumps and skips ---


def test_a_jump_over_others_takes_the_right_to_skip_them(stage: Stage) -> None:
    mine = stage.join()
    stage.play_as(mine)
    stage.add(by=stage.join())
    target = stage.add(by=mine)
    stage.seat(3)
    sit(mine, stage.channel)
    with pytest.raises(NotAllowed, match="Other people's tracks"):
        stage.do("SkipTo", by=mine, item_id=str(target.pk))
    stage.do("SkipTo", by=stage.dj(), item_id=str(target.pk))


def test_a_skip_that_names_a_track_skips_no_other(stage: Stage) -> None:
    first = stage.play()
    stage.add()
    stage.do("Skip", item_id=str(first.pk))
    playback.start_next(stage.id, owner=stage.owner)
    with pytest.raises(NothingPlaying, match="no longer playing"):
        stage.do("Skip", item_id=str(first.pk))


def test_a_jump_over_hundreds_in_a_loop_adds_them_again_in_order(stage: Stage) -> None:
    stage.play()
    stage.do("SetLoop", loop="queue")
    uris = [TrackFactory.create().uri for _ in range(3)] * 80
    stage.do("AddTracks", uris=uris)
    last = list(QueueItem.objects.filter(state="queued").order_by("rank"))[-1]
    stage.do("SkipTo", item_id=str(last.pk))
    waiting = QueueItem.objects.filter(state="queued").order_by("rank").select_related("track")
    assert [item.track.uri for item in waiting][2:] == uris[:-1]
    assert stage.player.queue_total == waiting.count()
