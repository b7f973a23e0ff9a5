"""What the bot writes: starts and ends of tracks, what it hears, and the loop."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from queue_app.domain import playback
from queue_app.models import ItemState, Play, Player, QueueItem
from queue_app.player_states import PlayerStatus
from tests.factories import ChannelFactory, TrackFactory, sit
from tests.queue_app.stage import Stage

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


# --- Starting ---


@pytest.fixture
def leased(stage: Stage) -> Stage:
    assert playback.take_lease(stage.id, owner=stage.owner)
    return stage


def start(stage: Stage) -> Any:
    return playback.start_next(stage.id, owner=stage.owner)


def test_items_start_in_the_order_of_the_queue(leased: Stage) -> None:
    leased.do("JoinVoice", channel_id=leased.channel.pk)
    items = [leased.add() for _ in range(3)]
    started = []
    for _ in items:
        item = start(leased)
        started.append(item.pk)
        assert (item.state, leased.player.position_ms) == (ItemState.PLAYING, 0)
        assert item.started_at is not None
        playback.finish(leased.id, owner=leased.owner, item_id=item.pk)
    assert started == [item.pk for item in items]
    assert start(leased) is None


def test_nothing_starts_over_something_else_nor_while_paused_or_stopped(leased: Stage) -> None:
    leased.do("JoinVoice", channel_id=leased.channel.pk)
    leased.add()
    leased.do("Pause")
    assert start(leased) is None
    leased.do("Resume")
    leased.do("LeaveVoice")
    assert start(leased) is None
    leased.do("JoinVoice", channel_id=leased.channel.pk)
    assert start(leased)
    leased.add()
    assert start(leased) is None


def test_where_to_play_is_settled_in_the_documented_order(leased: Stage) -> None:
    theirs, players, settings_ = ChannelFactory.create_batch(3, guild=leased.guild, voice=True)
    gone = ChannelFactory.create(guild=leased.guild, voice=True)
    leased.add()
    seat = sit(leased.member, theirs)

    def settle(*, sits: bool, player: str | None, setting: str | None) -> str | None:
        Player.objects.update(voice_channel_id=player)
        leased.guild.settings.voice_channel_id = setting
        leased.guild.settings.save()
        if sits:
            seat.save(force_insert=not type(seat).objects.filter(pk=seat.pk).exists())
        else:
            type(seat).objects.all().delete()
        item = start(leased)
        if item:  # put it back for the next case
            Player.objects.update(item=None)
            item.state = ItemState.QUEUED
            item.save()
        return leased.player.voice_channel_id

    assert settle(sits=True, player=players.pk, setting=settings_.pk) == theirs.pk
    assert settle(sits=False, player=players.pk, setting=settings_.pk) == players.pk
    assert settle(sits=False, player=None, setting=settings_.pk) == settings_.pk
    assert settle(sits=False, player=gone.pk, setting=settings_.pk) == gone.pk
    gone_id = gone.pk
    gone.delete()
    assert settle(sits=False, player=gone_id, setting=settings_.pk) == settings_.pk
    assert settle(sits=False, player=gone_id, setting=gone_id) is None


def test_without_any_channel_the_item_waits_and_the_player_says_why_once(leased: Stage) -> None:
    item = leased.add()
    for _ in range(3):
        assert start(leased) is None
    assert leased.queue == [str(item.pk)]
    player = leased.snapshot()["player"]
    assert (player["status"], player["error"]["code"]) == ("idle", "NO_VOICE_CHANNEL")
    assert leased.names == ["TrackAdded", "PlayerErrorChanged"]
    sit(leased.member, leased.channel)
    assert start(leased).pk == item.pk
    assert leased.snapshot()["player"]["error"] is None


def test_while_something_plays_the_bot_stays_where_it_is(stage: Stage) -> None:
    stage.play()
    sit(stage.member, ChannelFactory.create(guild=stage.guild, voice=True))
    stage.add()
    assert stage.player.voice_channel_id == stage.channel.pk


# --- Ending ---


def test_an_item_ends_as_played_or_failed(stage: Stage) -> None:
    first = stage.play()
    playback.finish(stage.id, owner=stage.owner, item_id=first.pk)
    first.refresh_from_db()
    assert (first.state, stage.player.item, stage.player.sounding) == (ItemState.PLAYED, None, False)
    second = stage.add()
    start(stage)
    playback.fail(
        stage.id, owner=stage.owner, item_id=second.pk, code="UNDECODABLE", detail="No sound. " * 100
    )
    second.refresh_from_db()
    assert (second.state, second.error_code, len(second.error_detail)) == (
        ItemState.FAILED,
        "UNDECODABLE",
        300,
    )


def test_an_end_that_comes_after_a_skip_changes_nothing(stage: Stage) -> None:
    first = stage.play()
    stage.do("Skip")
    second = stage.add()
    start(stage)
    names = stage.names
    for end in (playback.finish, lambda *a, **k: playback.fail(*a, **k, code="X", detail="x")):
        end(stage.id, owner=stage.owner, item_id=first.pk)
    assert stage.names == names
    assert stage.player.item_id == second.pk


def test_an_item_that_waits_fails_once(stage: Stage) -> None:
    stage.play()
    item = stage.add()
    for _ in range(2):
        playback.fail_queued(stage.id, owner=stage.owner, item_id=item.pk, code="UNREACHABLE", detail="Gone.")
    assert stage.names.count("TrackFailed") == 1
    assert stage.queue == []


# --- Observing ---


def status(stage: Stage) -> str:
    return str(stage.player.status)


def test_the_position_runs_while_frames_are_sent_and_stands_otherwise(stage: Stage) -> None:
    stage.play()
    stage.hear(position_ms=10_000)
    Player.objects.update(position_at=timezone.now() - timedelta(seconds=5))
    assert 15_000 <= stage.snapshot()["player"]["position_ms"] < 17_000
    playback.observe(stage.id, owner=stage.owner, connected_channel_id=None, sounding=False, position_ms=None)
    assert 15_000 <= stage.player.position_ms < 17_000
    Player.objects.update(position_at=timezone.now() - timedelta(seconds=60))
    assert stage.snapshot()["player"]["position_ms"] == stage.player.position_ms


def test_seeing_the_same_again_is_no_event_and_keeps_the_position_running(stage: Stage) -> None:
    stage.play()
    stage.hear(position_ms=10_000)
    Player.objects.update(position_at=timezone.now() - timedelta(seconds=5))
    names = stage.names
    stage.hear()
    assert stage.names == names
    assert 15_000 <= stage.snapshot()["player"]["position_ms"] < 17_000


def test_a_checkpoint_of_another_item_is_dropped(stage: Stage) -> None:
    stage.play()
    playback.checkpoint(stage.id, owner=stage.owner, item_id=uuid.uuid4(), jumps=0, position_ms=50_000)
    assert stage.player.position_ms < 50_000


def test_being_heard_takes_an_error_back(stage: Stage) -> None:
    stage.play()
    playback.report_error(stage.id, owner=stage.owner, code="VOICE_FAILED", detail="No answer.")
    assert status(stage) == PlayerStatus.ERROR
    playback.observe(
        stage.id, owner=stage.owner, connected_channel_id=stage.channel.pk, sounding=True, position_ms=None
    )
    assert status(stage) == PlayerStatus.PLAYING


def test_an_error_is_reported_once_and_taken_back_once(stage: Stage) -> None:
    stage.play()
    for code in ("VOICE_FAILED", "VOICE_FAILED", "", ""):
        playback.report_error(stage.id, owner=stage.owner, code=code)
    assert stage.names.count("PlayerErrorChanged") == 2


def test_where_somebody_moves_the_bot_is_where_it_should_be(stage: Stage) -> None:
    stage.play()
    other = ChannelFactory.create(guild=stage.guild, voice=True)
    playback.moved(stage.id, owner=stage.owner, channel_id=other.pk)
    assert (stage.player.voice_channel_id, stage.player.connected_channel_id) == (other.pk, other.pk)
    assert status(stage) == PlayerStatus.PLAYING
    playback.moved(stage.id, owner=stage.owner, channel_id=None)
    assert status(stage) == PlayerStatus.STOPPED
    assert stage.player.item is not None


@pytest.mark.parametrize("lease_expires_in", [-1, 8])
def test_without_a_living_bot_nothing_is_said_to_play(lease_expires_in: int, stage: Stage) -> None:
    stage.play()
    Player.objects.update(lease_expires_at=timezone.now() + timedelta(seconds=lease_expires_in))
    expected = PlayerStatus.PLAYING if lease_expires_in > 0 else PlayerStatus.CONNECTING
    assert stage.player.status == expected


def test_a_second_item_of_one_guild_cannot_be_playing(stage: Stage) -> None:
    from django.db import IntegrityError, transaction

    stage.play()
    other = stage.add(track=TrackFactory.create())
    other.state = ItemState.PLAYING
    with pytest.raises(IntegrityError), transaction.atomic():
        other.save()


def test_no_position_is_shown_behind_the_end(stage: Stage) -> None:
    item = stage.play()
    stage.hear(position_ms=2_000)
    item.track.duration_ms = 1_500
    item.track.save()
    assert stage.snapshot()["player"]["position_ms"] == 1_500
    item.track.duration_ms = None
    item.track.save()
    assert stage.snapshot()["player"]["position_ms"] >= 2_000


def test_a_checkpoint_from_before_a_seek_is_dropped(stage: Stage) -> None:
    item = stage.play()
    stage.do("Seek", position_ms=40_000)
    playback.checkpoint(stage.id, owner=stage.owner, item_id=item.pk, jumps=0, position_ms=50_000)
    assert stage.player.position_ms == 40_000
    playback.checkpoint(stage.id, owner=stage.owner, item_id=item.pk, jumps=1, position_ms=41_000)
    assert stage.player.position_ms == 41_000


def test_an_end_from_before_a_seek_ends_nothing(stage: Stage) -> None:
    item = stage.play()
    stage.do("Replay")
    playback.finish(stage.id, owner=stage.owner, item_id=item.pk, jumps=0)
    assert stage.current.pk == item.pk
    playback.finish(stage.id, owner=stage.owner, item_id=item.pk, jumps=1)
    assert stage.player.item is None


# --- The loop ---


def test_a_looping_track_repeats_until_it_is_skipped(stage: Stage) -> None:
    item = stage.play()
    following = stage.add()
    stage.do("SetLoop", loop="track")
    for _ in range(2):
        playback.finish(stage.id, owner=stage.owner, item_id=item.pk)
        assert (stage.current.pk, stage.player.position_ms) == (item.pk, 0)
    assert Play.objects.filter(item=item).count() == 3
    stage.do("Skip")
    started = playback.start_next(stage.id, owner=stage.owner)
    assert started is not None
    assert started.pk == following.pk


def test_a_looping_queue_adds_again_what_finished_or_was_skipped(stage: Stage) -> None:
    first = stage.play()
    second = stage.add(by=(other := stage.join()))
    stage.do("SetLoop", loop="queue")
    playback.finish(stage.id, owner=stage.owner, item_id=first.pk)
    playback.start_next(stage.id, owner=stage.owner)
    stage.do("Skip", by=other)
    queue = [QueueItem.objects.get(pk=item_id) for item_id in stage.queue]
    assert [(item.track_id, item.requested_by_id) for item in queue] == [
        (first.track_id, stage.member.pk),
        (second.track_id, other.pk),
    ]


def test_a_looping_queue_keeps_turns_and_ignores_caps(stage: Stage) -> None:
    first = stage.play()
    stage.decide(fair_order=True, max_per_person=1)
    other = stage.join()
    stage.do("SetLoop", loop="queue")
    stage.add()
    stage.add(by=other)
    playback.finish(stage.id, owner=stage.owner, item_id=first.pk)
    assert [QueueItem.objects.get(pk=pk).requested_by_id for pk in stage.queue] == [
        other.pk,
        stage.member.pk,
        stage.member.pk,
    ]


@pytest.mark.parametrize("loop", ["track", "queue"])
def test_what_failed_never_repeats(loop: str, stage: Stage) -> None:
    item = stage.play()
    stage.do("SetLoop", loop=loop)
    playback.fail(stage.id, owner=stage.owner, item_id=item.pk, code="UNREACHABLE", detail="Gone.")
    assert (stage.player.item, stage.queue) == (None, [])
