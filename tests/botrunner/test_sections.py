"""A track of a cue sheet is played from its beginning to its end, and no further."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from botrunner.audio import TrackSource
from library.models import Track
from library.sources.opus import FRAME_MS
from library.sources.types import FileSection
from queue_app.models import ItemState
from realtime.db import in_thread
from tests.botrunner.conftest import owner_of
from tests.botrunner.listening import decode, sweep, take, time_of
from tests.botrunner.stage import Stage
from tests.library.audio_files import tone, write
from tests.waiting import eventually

SILENCE_FRAMES = 5


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Twenty seconds of `sweep`, by file suffix."""
    folder = tmp_path_factory.mktemp("sections")
    return {suffix: write(folder / f"a.{suffix}", sweep(20)) for suffix in ("opus", "mp3", "flac")}


@pytest.mark.parametrize("suffix", ["opus", "mp3", "flac"])
@pytest.mark.parametrize("volume", [100, 50])
def test_a_section_has_its_own_sound_only(
    suffix: str, volume: int, sweeps: dict[str, Path], play: Callable[..., TrackSource]
) -> None:
    source = play(FileSection(sweeps[suffix], 5_000, 8_500), volume=volume)
    frames = take(source)
    assert source.error is None
    assert len(frames) == 3_500 // FRAME_MS + SILENCE_FRAMES
    sound = decode(frames)
    assert time_of(sound[:4_800]) == pytest.approx(5.0, abs=0.1)
    last = 48_000 * 3_300 // 1000
    assert time_of(sound[last : last + 4_800]) == pytest.approx(8.3, abs=0.1)
    assert np.abs(sound[48_000 * 3_550 // 1000 :]).max(initial=0) < 0.05


def test_a_seek_counts_from_the_beginning_of_the_section(
    sweeps: dict[str, Path], play: Callable[..., TrackSource]
) -> None:
    source = play(FileSection(sweeps["flac"], 5_000, 8_500), start_ms=2_000)
    frames = take(source)
    assert len(frames) == 1_500 // FRAME_MS + SILENCE_FRAMES
    assert time_of(decode(frames)[:4_800]) == pytest.approx(7.0, abs=0.1)
    assert source.position_ms == 3_500


@pytest.mark.parametrize("start_ms", [3_500, 60_000])
def test_a_seek_to_the_end_or_behind_it_ends_the_track(
    start_ms: int, sweeps: dict[str, Path], play: Callable[..., TrackSource]
) -> None:
    source = play(FileSection(sweeps["flac"], 5_000, 8_500), start_ms=start_ms)
    assert not source.ready(5)
    assert source.is_over


def test_the_volume_can_change_near_the_end(
    sweeps: dict[str, Path], play: Callable[..., TrackSource]
) -> None:
    source = play(FileSection(sweeps["opus"], 5_000, 8_000))
    begin = take(source, 50)
    source.set_volume(30)
    rest = take(source)
    assert len(begin) + len(rest) == pytest.approx(3_000 // FRAME_MS + SILENCE_FRAMES, abs=1)


def test_the_last_section_lasts_to_the_end_of_the_file(
    sweeps: dict[str, Path], play: Callable[..., TrackSource]
) -> None:
    frames = take(play(FileSection(sweeps["flac"], 18_000, None)))
    assert len(frames) == pytest.approx(2_000 // FRAME_MS + SILENCE_FRAMES, abs=1)


def test_a_section_behind_the_end_of_the_file_fails(
    sweeps: dict[str, Path], play: Callable[..., TrackSource]
) -> None:
    source = play(FileSection(sweeps["flac"], 25_000, 26_000))
    assert not source.ready(5)
    assert source.error is not None
    assert (source.error.code, source.error.permanent) == ("ENDED_EARLY", True)


async def test_the_second_track_of_a_sheet_is_heard_for_its_time_in_its_pitch(
    stage: Stage, library: Path
) -> None:
    sound = np.concatenate([tone(10, hz=330), tone(4, hz=587), tone(30, hz=880)])
    write(library / "Three Tones.flac", sound, tags={"title": "All of It"})
    (library / "Three Tones.cue").write_text(
        'PERFORMER "The Generators"\nTITLE "Three Tones"\nFILE "Three Tones.wav" WAVE\n'
        'TRACK 01 AUDIO\nTITLE "Low Tone"\nINDEX 01 00:00:00\n'
        'TRACK 02 AUDIO\nTITLE "Middle Tone"\nINDEX 01 00:10:00\n'
        'TRACK 03 AUDIO\nTITLE "High Tone"\nINDEX 01 00:14:00\n'
    )
    await stage.scan()
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query="Middle Tone")
    await stage.slash("owner", "play", query="Long A")
    await stage.hear(587)
    await stage.hear(440)
    first, second = await stage.items()
    assert (first.state, second.state) == (ItemState.PLAYED, ItemState.PLAYING)
    assert first.started_at is not None
    assert first.ended_at is not None
    assert (first.ended_at - first.started_at).total_seconds() == pytest.approx(4, abs=1.5)
    assert first.track.duration_ms == 4_000
    assert not await in_thread(Track.objects.filter(title="All of It", available=True).exists)()


async def test_a_seek_stays_inside_the_track_of_a_sheet(stage: Stage, library: Path) -> None:
    sound = np.concatenate([tone(10, hz=330), tone(20, hz=587), tone(30, hz=880)])
    write(library / "Three Tones.flac", sound)
    (library / "Three Tones.cue").write_text(
        'FILE "Three Tones.flac" WAVE\nTRACK 01 AUDIO\nTITLE "Low Tone"\nINDEX 01 00:00:00\n'
        'TRACK 02 AUDIO\nTITLE "Middle Tone"\nINDEX 01 00:10:00\n'
        'TRACK 03 AUDIO\nTITLE "High Tone"\nINDEX 01 00:30:00\n'
    )
    await stage.scan()
    await stage.start_bot()
    await stage.sit("owner", "Stage left")
    await stage.slash("owner", "play", query="Middle Tone")
    await stage.slash("owner", "play", query="Long C")
    await stage.hear(587)
    user = await owner_of(stage)
    await stage.do(user, "Seek", position_ms=0)
    await stage.hear(587)
    await stage.do(user, "Seek", position_ms=25_000)  # the middle of the third track, if it were not clamped
    await stage.hear(523)

    async def ended() -> bool:
        return (await stage.items())[0].state == ItemState.PLAYED

    await eventually(ended)
