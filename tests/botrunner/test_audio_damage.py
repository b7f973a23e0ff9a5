"""Damaged and truncated files, guessed lengths, and what is no audio at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from botrunner.audio import TrackSource
from library.sources import SourceError
from tests.botrunner.listening import decode, take
from tests.library.audio_files import loudest_hz, tone, write
from tests.library.audio_server import AudioServer, Resource
from tests.library.made_files import VARIABLE, encode, mp3

pytestmark = pytest.mark.usefixtures("quick_retries")


def test_a_truncated_file_plays_and_then_tells_why_it_ended(
    tmp_path: Path, play: Callable[..., TrackSource]
) -> None:
    path = write(tmp_path / "a.flac", tone(10))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = play(path)
    assert source.ready(5)
    assert source.error is None
    frames = take(source)
    assert 200 < len(frames) < 300
    assert source.error is not None
    assert source.error.code == "ENDED_EARLY"
    assert source.error.detail.startswith("The track should last 0:10 but ended at 0:0")


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"Dear Sir or Madam. " * 900, "UNDECODABLE"), (b"", "UNDECODABLE"), (None, "NOT_FOUND")],
)
def test_what_is_not_audio_is_known_before_playing(
    tmp_path: Path, play: Callable[..., TrackSource], content: bytes | None, code: str
) -> None:
    path = tmp_path / "a.mp3"
    if content is not None:
        path.write_bytes(content)
    source = play(path)
    assert not source.ready(5)
    assert source.error is not None
    assert source.error.code == code
    assert source.read() == b""
    assert source.finished


def test_damage_in_the_middle_is_played_over(tmp_path: Path, play: Callable[..., TrackSource]) -> None:
    path = write(tmp_path / "a.mp3", tone(10))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = os.urandom(3000)
    path.write_bytes(content)
    source = play(path)
    frames = take(source)
    assert source.error is None
    assert len(frames) > 450


def test_a_file_that_never_was_opened_is_an_error_and_not_a_crash(play: Callable[..., TrackSource]) -> None:
    with pytest.raises(SourceError):
        play("library:aaaaaaaaaaaaaaaa")


@pytest.mark.parametrize("suffix", ["mp3", "aac", "wma", "mka"])
def test_a_guessed_length_fails_no_track(
    tmp_path: Path, audio_server: AudioServer, play: Callable[..., TrackSource], suffix: str
) -> None:
    """The loud half comes last, so the bit rate of the first packets suggests a much longer file."""
    quiet = np.zeros(12 * 48_000, dtype=np.float32)
    quiet[-96_000:] = np.random.default_rng(1).normal(0, 0.3, 96_000)
    data = {
        "mp3": lambda: encode(
            "mp3", "libmp3lame", samples=quiet, bit_rate=None, options=VARIABLE, piped=True
        ),
        "aac": lambda: encode("adts", "aac", samples=quiet),
        "wma": lambda: encode("asf", "wmav2", samples=quiet, piped=True),
        "mka": lambda: encode(
            "matroska", "libmp3lame", samples=quiet, bit_rate=None, options=VARIABLE, piped=True
        ),
    }[suffix]()
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(data)
    audio_server.resources["/a"] = Resource(data)
    for media in (path, audio_server.url("/a")):
        source = play(media)
        assert len(take(source)) == pytest.approx(12 * 50 + 5, abs=12)
        assert source.error is None


def test_rubbish_behind_the_sound_fails_no_track(tmp_path: Path, play: Callable[..., TrackSource]) -> None:
    rubbish = np.random.default_rng(1).bytes(2_000_000)
    for suffix, sound in (("mp3", mp3(seconds=2)), ("aac", encode("adts", "aac", seconds=2))):
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(sound + rubbish)
        source = play(path)
        frames = take(source)
        assert source.error is None
        assert loudest_hz(decode(frames)[9_600:86_400]) == pytest.approx(440, abs=1)


def test_much_damage_in_the_middle_is_played_over(tmp_path: Path, play: Callable[..., TrackSource]) -> None:
    sound = bytearray(mp3(seconds=20))
    middle = len(sound) // 2
    sound[middle : middle + 80_000] = np.random.default_rng(1).bytes(80_000)  # five seconds
    path = tmp_path / "a.mp3"
    path.write_bytes(sound)
    source = play(path)
    frames = take(source)
    assert source.error is not None
    assert source.error.code == "ENDED_EARLY"  # the header's length includes the damaged part
    assert len(frames) > 14 * 50
    assert loudest_hz(decode(frames)[-4 * 48_000 : -48_000]) == pytest.approx(440, abs=1)
