"""Other tracks and other positions are really heard."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from queue_app.models import ItemState
from queue_app.player_states import PAUSED, SILENCES
from tests.botrunner.stage import Stage
from tests.library.audio_files import tone, write
from tests.library.audio_server import AudioServer, Resource
from tests.waiting import eventually

EPHEMERAL = 64
STEP_SECONDS = 15.0
STEPS = {300.0: 0, 400.0: 15, 500.0: 30, 600.0: 45}  # hertz: the second at which it begins


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose pitch shows the position."""
    sound = np.concatenate([tone(STEP_SECONDS, hz=hz) for hz in STEPS])
    return write(
        tmp_path_factory.mktemp("steps") / "Steps.opus",
        sound,
        tags={"title": "Steps", "artist": "The Generators"},
    )


@pytest.fixture
async def stepping(stage: Stage, steps: Path, library: Path) -> Stage:
    """A stage whose bot plays the steps, with 440 Hz queued."""
    (library / steps.name).write_bytes(steps.read_bytes())
    await stage.scan()
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query="Steps")
    await stage.slash("owner", "play", query="Long A")
    await stage.hear(300, after=25)
    return stage


async def reply(stage: Stage, command: str, **options: str) -> str:
    message = await stage.slash("owner", command, **options)
    return str(message["content"])


async def test_seeking_is_heard_and_told(stepping: Stage) -> None:
    assert await reply(stepping, "seek", position="0:32") == "Now at 0:32 of 1:00."
    await stepping.hear(500)
    assert (await reply(stepping, "forward", by="14s")).startswith("Now at 0:4")
    await stepping.hear(600)
    assert (await reply(stepping, "rewind", by="0:30")).startswith("Now at 0:1")
    await stepping.hear(400)
    assert (await reply(stepping, "rewind", by="1h")) == "Now at 0:00 of 1:00."
    await stepping.hear(300)
    assert (await reply(stepping, "forward")).startswith("Now at 0:1")
    await reply(stepping, "seek", position="50")
    await stepping.hear(600)
    assert await reply(stepping, "replay") == "Playing **Steps – The Generators** from the beginning."
    await stepping.hear(300)
    items = await stepping.items()
    assert [item.state for item in items] == [ItemState.PLAYING, ItemState.QUEUED]


async def test_an_unclear_time_is_refused_to_the_asker_only(stepping: Stage) -> None:
    message = await stepping.slash("owner", "seek", position="1:75")
    assert message["flags"] & EPHEMERAL
    assert message["content"] == (
        "“1:75” is not a time: minutes and seconds go up to 59. Write it like 1:30 or 1:02:03."
    )
    assert (await stepping.player()).jumps == 0


@pytest.mark.parametrize("position", ["1:00", "59:59", "0:59"])
async def test_seeking_to_the_end_ends_the_track_without_an_error(stepping: Stage, position: str) -> None:
    await reply(stepping, "seek", position=position)
    await stepping.hear(440)
    ended = (await stepping.items())[0]
    assert (ended.state, ended.error_code) == (ItemState.PLAYED, "")


async def test_a_seek_while_paused_is_heard_on_resume(stepping: Stage) -> None:
    await reply(stepping, "pause")
    await stepping.silence()
    assert await reply(stepping, "seek", position="47") == f"Now at 0:47 of 1:00. {SILENCES[PAUSED].sentence}"
    heard = stepping.report()
    assert heard is not None
    await stepping.status("paused")
    assert (await stepping.player()).current_position_ms == 47_000
    assert (await reply(stepping, "forward", by="3")).startswith("Now at 0:50 of 1:00.")
    await stepping.silence(700)
    quiet = stepping.report()
    assert quiet is not None
    assert quiet.frames_received - heard.frames_received < 10  # at most the silence of the pause
    await reply(stepping, "resume")
    await stepping.hear(600)


async def test_jumping_and_going_back_are_heard(stepping: Stage) -> None:
    await reply(stepping, "play", query="Long C")
    assert await reply(stepping, "jump", number="2") == "Jumped to **Long C – The Generators**."
    await stepping.hear(523)
    assert [item.state for item in await stepping.items()] == ["skipped", "skipped", "playing"]
    assert await reply(stepping, "previous") == "Playing **Steps – The Generators** from the beginning."
    await stepping.hear(300)
    await reply(stepping, "seek", position="0:31")
    await stepping.hear(500, after=50)
    assert await reply(stepping, "previous") == "Playing **Steps – The Generators** from the beginning."
    await stepping.hear(300)
    await reply(stepping, "skip")
    await stepping.hear(523)


async def test_undoing_a_skip_goes_on_where_it_was_and_the_other_keeps_its_position(
    stage: Stage, steps: Path, library: Path
) -> None:
    (library / steps.name).write_bytes(steps.read_bytes())
    await stage.scan()
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query="Steps")
    await stage.slash("member", "play", query="Steps")
    await stage.hear(300)
    await reply(stage, "seek", position="0:47")
    await stage.hear(600)
    await reply(stage, "skip")
    await stage.hear(300)
    await stage.slash("member", "seek", position="0:32")
    await stage.hear(500)
    assert await reply(stage, "undo") == "Undid: *You skipped Steps.*"
    await stage.hear(600)
    first, second = await stage.items()
    assert (first.state, second.state) == (ItemState.PLAYING, ItemState.QUEUED)
    assert 32_000 <= second.resume_ms < 45_000
    assert await reply(stage, "redo") == "Redid: *You skipped Steps.*"
    await stage.hear(500)


async def test_what_starts_over_while_paused_is_not_said_to_play(stepping: Stage) -> None:
    await reply(stepping, "pause")
    assert await reply(stepping, "replay") == (
        f"**Steps – The Generators** will play from the beginning. {SILENCES[PAUSED].sentence}"
    )


async def test_undoing_a_stop_brings_everything_back_paused(stepping: Stage) -> None:
    await reply(stepping, "seek", position="0:32")
    await stepping.hear(500)
    assert await reply(stepping, "stop") == "Stopped. Removed 1 track. Use /undo to bring everything back."
    await eventually(lambda: stepping.report() is None, what="still in voice")
    await reply(stepping, "undo")
    player = await stepping.status("paused")
    assert player.position_ms >= 32_000
    assert [item.state for item in await stepping.items()] == [ItemState.PLAYING, ItemState.QUEUED]
    await reply(stepping, "resume")
    await stepping.hear(500)


async def test_the_current_track_repeats_until_it_is_skipped(stepping: Stage) -> None:
    await reply(stepping, "loop", what="track")
    for _ in range(2):
        await reply(stepping, "seek", position="0:58")
        await stepping.hear(600)
        await stepping.hear(300)
    await reply(stepping, "skip")
    await stepping.hear(440)


async def test_a_looping_queue_plays_again_what_ended(stage: Stage) -> None:
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query="Short E")
    await stage.slash("owner", "play", query="Short G")
    await stage.slash("owner", "loop", what="queue")
    for hz in (659, 784, 659, 784):
        await stage.hear(hz)
    await stage.slash("owner", "loop", what="off")


async def test_a_link_without_ranges_is_read_up_to_the_position(
    stage: Stage, steps: Path, audio_server: AudioServer
) -> None:
    audio_server.resources["/stream"] = Resource(steps.read_bytes(), ranges=False, chunked=4096)
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query=audio_server.url("/stream"))
    await stage.hear(300)
    await reply(stage, "seek", position="0:47")
    await stage.hear(600)
    await reply(stage, "seek", position="0:17")
    await stage.hear(400)
    (item,) = await stage.items()
    assert item.state == ItemState.PLAYING


async def test_seeking_past_the_end_of_a_link_of_unknown_length_ends_it(
    stage: Stage, library: Path, audio_server: AudioServer, tmp_path: Path
) -> None:
    body = write(tmp_path / "steps.mp3", tone(10, hz=300)).read_bytes()
    audio_server.resources["/stream"] = Resource(body, ranges=False, chunked=4096)
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query=audio_server.url("/stream"))
    await stage.slash("owner", "play", query="Long A")
    await stage.hear(300)
    assert (await reply(stage, "seek", position="59:59")).startswith("Now at ")
    await stage.hear(440)
    item = (await stage.items())[0]
    assert (item.state, item.error_code) == (ItemState.PLAYED, "")


async def test_a_live_stream_has_no_positions(stage: Stage, steps: Path, audio_server: AudioServer) -> None:
    audio_server.resources["/live"] = Resource(
        steps.read_bytes(), ranges=False, with_length=False, headers={"icy-name": "Radio"}
    )
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    message = await stage.slash("owner", "seek", position="10")
    assert (message["content"], message["flags"] & EPHEMERAL) == ("Nothing is playing.", EPHEMERAL)
    await stage.slash("owner", "play", query=audio_server.url("/live"))
    await stage.hear(300)
    message = await stage.slash("owner", "seek", position="10")
    assert message["flags"] & EPHEMERAL
    assert message["content"] == "This is a live stream. It has no position to seek to."
