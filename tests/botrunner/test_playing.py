"""What is heard: the right tone, without loss, one track after another, at the right position."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import botrunner.playing as opening
import botrunner.reconciler as reconciling
from botrunner.desired_state import DesiredState, read_desired_state
from queue_app.models import ItemState
from realtime import hints
from tests.botrunner.stage import Stage
from tests.library.audio_files import tone, write
from tests.library.audio_server import AudioServer, Resource
from tests.waiting import eventually


async def test_the_tone_arrives_whole_and_encrypted(stage: Stage) -> None:
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query="Long A")
    report = await stage.hear(440, after=150)
    assert (report.dave, report.frames_lost, report.frames_bad) == (1, 0, 0)
    assert report.tone_hz == pytest.approx(440, abs=1)
    assert report.channel_id == stage.channel("Stage left")
    player = await stage.status("playing")
    assert player.connected_channel_id == player.voice_channel_id == stage.channel("Stage left")


async def test_the_next_track_follows_by_itself(stage: Stage) -> None:
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query="Short E")
    await stage.slash("owner", "play", query="Long A")
    await stage.hear(659)
    await stage.hear(440)
    first, second = await stage.items()
    assert (first.state, second.state) == (ItemState.PLAYED, ItemState.PLAYING)
    assert first.ended_at is not None
    assert first.started_at is not None
    assert (first.ended_at - first.started_at).total_seconds() == pytest.approx(1.5, abs=1.5)


async def test_it_becomes_idle_behind_the_last_track_and_stays_in_the_channel(stage: Stage) -> None:
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query="Short E")
    await stage.hear(659)
    player = await stage.status("idle")
    assert player.connected_channel_id == stage.channel("Stage left")
    await stage.slash("owner", "play", query="Long A")
    await stage.hear(440)


async def test_pausing_holds_the_position(playing: Stage) -> None:
    await playing.hear(440, after=50)
    await playing.slash("owner", "pause")
    await playing.silence()
    paused = await playing.status("paused")
    assert paused.position_ms > 500
    heard = playing.report()
    assert heard is not None
    await playing.slash("owner", "resume")
    await playing.hear(440, after=heard.frames_received + 25)
    resumed = await playing.status("playing")
    assert 0 <= resumed.current_position_ms - paused.position_ms < 3_000


async def test_skipping_plays_the_next(playing: Stage) -> None:
    await playing.slash("owner", "skip")
    await playing.hear(523, seconds=5)
    first, second = await playing.items()
    assert (first.state, second.state) == (ItemState.SKIPPED, ItemState.PLAYING)


async def test_the_stored_position_follows_what_is_heard(playing: Stage) -> None:
    async def saved() -> bool:
        return (await playing.player()).position_ms >= 2_000

    await eventually(saved, within=8, what="no checkpoint")
    report, player = playing.report(), await playing.player()
    assert report is not None
    heard_ms = report.frames_received * 20
    assert abs(player.position_ms - heard_ms) < 5_000
    assert abs(player.current_position_ms - heard_ms) < 1_000


async def test_a_file_that_cannot_be_decoded_fails_and_the_next_plays(stage: Stage, library: Path) -> None:
    (library / "Short E.opus").write_bytes(b"OggS" + bytes(range(256)) * 400)
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    bad = await stage.slash("owner", "play", query="Short E")
    assert bad["embeds"][0]["title"] == "Added"
    await stage.slash("owner", "play", query="Long A")
    await stage.hear(440)
    item = (await stage.items())[0]
    assert (item.state, item.error_code) == (ItemState.FAILED, "UNDECODABLE")
    assert item.error_detail.endswith(".")
    assert str(library) not in item.error_detail


async def test_a_file_that_is_gone_fails_and_the_next_plays(stage: Stage, library: Path) -> None:
    (library / "Short E.opus").unlink()
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query="Short E")
    await stage.slash("owner", "play", query="Long A")
    await stage.hear(440)
    item = (await stage.items())[0]
    assert (item.state, item.error_code) == (ItemState.FAILED, "NOT_FOUND")


async def test_a_link_that_answers_404_fails_and_the_next_plays(
    stage: Stage, audio_server: AudioServer
) -> None:
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    added = await stage.slash("owner", "play", query=audio_server.url("/gone.mp3"))
    assert added["embeds"][0]["title"] == "Added"
    await stage.slash("owner", "play", query="Long A")
    await stage.hear(440)
    item = (await stage.items())[0]
    assert await stage.reported_failure("owner") == item.error_detail
    assert (item.state, item.error_code) == (ItemState.FAILED, "NOT_FOUND")
    assert item.error_detail == "The station answered 404."


async def test_a_bad_link_that_waits_fails_before_its_turn(playing: Stage, audio_server: AudioServer) -> None:
    await playing.slash("owner", "play", query=audio_server.url("/gone.mp3"))
    waiting = (await playing.items())[-1]
    item = await playing.settled(str(waiting.pk), ItemState.FAILED)
    assert item.error_code == "NOT_FOUND"
    assert await playing.reported_failure("owner") == item.error_detail
    assert (await playing.player()).status == "playing"


async def test_a_link_plays_and_its_title_is_read(
    stage: Stage, audio_server: AudioServer, library: Path
) -> None:
    body = (library / "Long C.opus").read_bytes()
    audio_server.resources["/c.opus"] = Resource(body=body, headers={"Content-Type": "audio/ogg"})
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query=audio_server.url("/c.opus"))
    await stage.hear(523)
    item = (await stage.items())[0]
    assert (item.track.title, item.track.source) == ("Long C", "http")
    assert item.track.duration_ms == pytest.approx(60_000, abs=100)


async def test_a_file_without_a_length_goes_on_where_the_bot_left(
    stage: Stage, audio_server: AudioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Transcoding servers send files like this: in chunks, and only from the beginning."""
    sound = np.concatenate([tone(3, hz=440), tone(60, hz=880)])
    body = write(tmp_path / "two.mp3", sound, tags={"title": "Two Tones"}).read_bytes()
    audio_server.resources["/stream"] = Resource(body, ranges=False, chunked=4096)
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query=f"<{audio_server.url('/stream')}>")
    await stage.hear(440)
    await stage.hear(880)
    await stage.slash("owner", "leave")
    left = await stage.status("stopped")
    assert left.position_ms > 3_000
    await eventually(lambda: stage.report() is None, what="still in voice")
    monkeypatch.setattr(opening, "READY_SECONDS", 0.0)  # reading everything before the position takes longer
    await stage.slash("owner", "resume")
    first = await eventually(lambda: (report := stage.report()) and report.tone_hz, what="nothing heard")
    assert first == pytest.approx(880, abs=30)  # measured over few frames
    back = await stage.status("playing")
    assert 0 <= back.current_position_ms - left.position_ms < 10_000
    (item,) = await stage.items()
    assert (item.track.title, item.track.is_live, item.state) == ("Two Tones", False, ItemState.PLAYING)


async def test_a_transfer_that_breaks_after_a_while_is_begun_again_and_continues(
    stage: Stage, audio_server: AudioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server supports no ranges and has no validator that shows whether the file is still the same."""
    monkeypatch.setattr(reconciling, "RESUMABLE_MS", 1_000)
    sound = np.concatenate([tone(3, hz=440), tone(60, hz=880)])
    body = write(tmp_path / "two.mp3", sound).read_bytes()
    resource = Resource(body, ranges=False, chunked=4096, drops=[len(body) // 14])  # 4.5 s
    audio_server.resources["/stream"] = resource
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query=audio_server.url("/stream"))
    await stage.hear(440)
    resource.drops = []
    heard = await stage.hear(880)
    begun = audio_server.count("/stream")
    await eventually(lambda: audio_server.count("/stream") > begun, what="not asked again")
    await stage.hear(880, after=heard.frames_received + 200)
    (item,) = await stage.items()
    assert item.state == ItemState.PLAYING
    assert (await stage.player()).current_position_ms > 5_500


async def test_a_track_that_breaks_off_fails_and_the_next_plays(
    stage: Stage, audio_server: AudioServer, tmp_path: Path
) -> None:
    whole = write(tmp_path / "whole.flac", tone(30, hz=659)).read_bytes()
    audio_server.resources["/cut.flac"] = Resource(
        body=whole[: len(whole) // 10], headers={"Content-Type": "audio/flac"}
    )
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query=audio_server.url("/cut.flac"))
    await stage.slash("owner", "play", query="Long A")
    await stage.hear(659)
    await stage.hear(440)
    item = (await stage.items())[0]
    assert (item.state, item.error_code) == (ItemState.FAILED, "ENDED_EARLY")
    assert item.error_detail.endswith(".")


async def test_the_bot_looks_seldom_while_tracks_are_added_and_at_once_when_one_is_skipped(
    playing: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def look(guild_id: str) -> DesiredState:
        looks.append(guild_id)
        return read_desired_state(guild_id)

    monkeypatch.setattr(reconciling, "read_desired_state", look)
    store = f"guild:{playing.guild_id}"
    await eventually(lambda: looks)  # the regular one, once a second
    begun = len(looks)
    for _ in range(200):
        hints.send_calmly(store, 0)
    await eventually(lambda: len(looks) > begun)  # the first after a hint
    for _ in range(200):
        hints.send_calmly(store, 0)
    seen = len(looks)
    hints.send(store, 0)
    await eventually(lambda: len(looks) > seen)
    assert len(looks) - begun <= 5  # for 401 hints
