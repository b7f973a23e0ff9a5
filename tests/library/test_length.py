"""An estimated length is not used: library files without a length are counted, and links have none."""

from __future__ import annotations

import io
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Unpack

import numpy as np
import pytest
from numpy.typing import NDArray

from library.sources import SourceOptions
from library.sources.http import HttpSource
from library.sources.probe import probe
from tests.library.audio_server import AudioServer, Resource
from tests.library.links import LOOPBACK
from tests.library.made_files import (
    FRAGMENTS,
    VARIABLE,
    Encoding,
    Shape,
    encode,
    id3v2,
    mp3,
    with_index_first,
)


def uneven(seconds: int = 12) -> NDArray[np.float32]:
    """Return sound that is quiet and then loud, so that the first packets suggest twice the length."""
    samples = np.zeros(seconds * 48_000, dtype=np.float32)
    samples[-96_000:] = np.random.default_rng(1).normal(0, 0.3, 96_000)
    return samples


def make(muxer: str, codec: str, **encoding: Unpack[Encoding]) -> Callable[[], bytes]:
    return lambda: encode(muxer, codec, samples=uneven(), **encoding)


GUESSED = {
    "variable.mp3": make("mp3", "libmp3lame", bit_rate=None, options=VARIABLE, container={"write_xing": "0"}),
    "plain.aac": make("adts", "aac"),
    "piped.wma": make("asf", "wmav2", piped=True),
    "piped.mka": make("matroska", "libmp3lame", bit_rate=None, options=VARIABLE, piped=True),
    "piped.flac": make("flac", "flac", piped=True),
    "piped.webm": make("webm", "libopus", piped=True),
    "joined.mp3": lambda: mp3(seconds=8, vbr=True) + mp3(seconds=4, vbr=True),
    "cut.mp3": lambda: (whole := mp3(seconds=16, vbr=True))[: len(whole) * 3 // 4],
}
NAMED = {
    "header.mp3": make("mp3", "libmp3lame", bit_rate=None, options=VARIABLE),
    "tagged.mp3": lambda: id3v2(4, title="x", pictures=[(3, bytes(300_000))]) + mp3(seconds=12) + bytes(500),
    "plain.flac": make("flac", "flac"),
    "plain.opus": make("ogg", "libopus"),
    "plain.m4a": make("mp4", "aac"),
    "plain.webm": make("webm", "libopus"),
    "plain.wav": make("wav", "pcm_s16le"),
}


def said_by_server(
    server: AudioServer, data: bytes, *, ranges: bool = True, length: bool = True
) -> int | None:
    server.resources["/a"] = Resource(data, ranges=ranges, with_length=length)
    return HttpSource(SourceOptions(Path(), LOOPBACK)).resolve(server.url("/a")).duration_ms


@pytest.mark.parametrize("name", GUESSED)
def test_a_guess_is_no_length(tmp_path: Path, server: AudioServer, name: str) -> None:
    data = GUESSED[name]()
    path = tmp_path / name
    path.write_bytes(data)
    assert probe(path).duration_ms == pytest.approx(12_000, abs=130)
    assert said_by_server(server, data) is None
    assert said_by_server(server, data, ranges=False, length=False) is None


@pytest.mark.parametrize("name", NAMED)
def test_a_length_that_the_file_names_is_shown(tmp_path: Path, server: AudioServer, name: str) -> None:
    data = NAMED[name]()
    path = tmp_path / name
    path.write_bytes(data)
    assert probe(path).duration_ms == pytest.approx(12_000, abs=30)
    assert said_by_server(server, data) == pytest.approx(12_000, abs=30)


def loud(muxer: str, codec: str, **shape: Unpack[Shape]) -> bytes:
    """Return five seconds that are larger than what is fetched from a server to find parts."""
    noise = np.random.default_rng(1).normal(0, 0.3, 5 * 48_000).astype(np.float32)
    return encode(muxer, codec, samples=noise, bit_rate=500_000, **shape)


JOINED = {
    "a.mka": lambda: loud("matroska", "flac") + loud("matroska", "aac"),
    "a.webm": lambda: loud("webm", "libopus") + encode("webm", "vorbis", seconds=5),
    "a.m4a": lambda: loud("mp4", "alac") + loud("mp4", "aac"),
    "index first.m4a": lambda: with_index_first(loud("mp4", "alac")) + loud("mp4", "aac"),
    "fragments.m4a": lambda: loud("mp4", "aac", piped=True, container=FRAGMENTS) + loud("mp4", "alac"),
    "a.aac": lambda: loud("adts", "aac") + mp3(seconds=5),
    "a.mp3": lambda: mp3(seconds=5) + loud("adts", "aac"),
    "a.flac": lambda: loud("flac", "flac") + loud("flac", "flac", layout="mono"),
    "a.ts": lambda: loud("mpegts", "aac") + loud("mpegts", "libmp3lame"),
}


@pytest.mark.parametrize("name", JOINED)
def test_the_first_of_joined_files_does_not_tell_the_length_of_all(
    tmp_path: Path, server: AudioServer, name: str
) -> None:
    data = JOINED[name]()
    path = tmp_path / name
    path.write_bytes(data)
    assert probe(path).duration_ms == pytest.approx(10_000, abs=130)
    assert said_by_server(server, data) is None
    assert said_by_server(server, data, ranges=False) is None
    assert said_by_server(server, data, ranges=False, length=False) is None


def test_of_a_fragmented_file_that_cannot_be_read_ahead_the_first_fragment_is_no_length(
    tmp_path: Path, server: AudioServer
) -> None:
    data = encode("mp4", "aac", seconds=6, piped=True, container=FRAGMENTS)
    path = tmp_path / "a.m4a"
    path.write_bytes(data)
    assert probe(path).duration_ms == pytest.approx(6_000, abs=60)
    assert said_by_server(server, data, ranges=False, length=False) is None


def test_a_file_of_unknown_length_is_not_live(server: AudioServer) -> None:
    data = encode("ogg", "libopus", seconds=3, tags={"title": "Moss", "artist": "Understorey"})
    server.resources["/a"] = Resource(data, ranges=False, with_length=False)
    found = HttpSource(SourceOptions(Path(), LOOPBACK)).resolve(server.url("/a"))
    assert (found.title, found.artist, found.is_live, found.duration_ms) == (
        "Moss",
        "Understorey",
        False,
        None,
    )


def test_very_large_files_are_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.aac"
    path.write_bytes(encode("adts", "aac", seconds=2))
    assert probe(path).duration_ms == pytest.approx(2_000, abs=60)
    # The package's attribute `probe` is the function, so import the module by name.
    monkeypatch.setattr(import_module("library.sources.probe"), "MAX_COUNTED_BYTES", 1000)
    assert probe(path).duration_ms is None


def test_bytes_in_memory_are_read_like_a_link() -> None:
    assert probe(io.BytesIO(mp3(seconds=2))).duration_ms == 2_000
    assert probe(io.BytesIO(mp3(seconds=2, vbr=True, header=False))).duration_ms is None
