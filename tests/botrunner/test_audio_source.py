"""A track's sound: passed through or transcoded, from a position, at a volume, from files and from links."""

from __future__ import annotations

import gc
import gzip
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import library.sources.http_media as http_media
from botrunner.audio import TrackSource
from library.sources import SourceOptions
from library.sources.http import HttpSource
from library.sources.opus import SILENCE
from tests.botrunner.listening import decode, rms, sweep, take, time_of
from tests.library.audio_files import loudest_hz, packets, tone, write, write_mixed_opus
from tests.library.audio_server import AudioServer, Resource
from tests.library.links import LOOPBACK
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("quick_retries")


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Twenty seconds of `sweep`, by file suffix."""
    folder = tmp_path_factory.mktemp("sweeps")
    suffixes = ("opus", "webm", "mp3", "flac", "m4a", "wav")
    return {suffix: write(folder / f"a.{suffix}", sweep(20)).read_bytes() for suffix in suffixes}


def test_opus_comes_out_as_it_is_with_silence_behind_it(
    tmp_path: Path, play: Callable[..., TrackSource]
) -> None:
    path = write(tmp_path / "a.opus", tone(8))
    source = play(path)
    assert source.is_opus()
    assert source.ready(5)
    assert source.passthrough
    assert take(source) == packets(path) + [SILENCE] * 5
    assert (source.read(), source.finished, source.error) == (b"", True, None)
    assert source.position_ms == len(packets(path)) * 20


@pytest.mark.parametrize(
    ("suffix", "rate", "channels"), [("mp3", 44_100, 1), ("wav", 8_000, 1), ("m4a", 48_000, 2)]
)
def test_anything_else_is_transcoded_to_the_same_tone(
    tmp_path: Path, play: Callable[..., TrackSource], suffix: str, rate: int, channels: int
) -> None:
    path = write(tmp_path / f"a.{suffix}", tone(4, rate=rate), rate=rate, channels=channels)
    source = play(path)
    frames = take(source)
    assert not source.passthrough
    assert source.error is None
    assert len(frames) == pytest.approx(4 * 50 + 5, abs=3)
    samples = decode(frames)[4800 : 4800 + 3 * 48_000]
    assert loudest_hz(samples) == pytest.approx(440, abs=0.2)
    assert rms(samples) == pytest.approx(0.4 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("suffix", ["opus", "webm", "mp3", "flac", "m4a", "wav"])
@pytest.mark.parametrize("start_ms", [40, 7_310, 18_000])
def test_a_start_lands_within_20_ms(
    tmp_path: Path,
    play: Callable[..., TrackSource],
    sweeps: dict[str, bytes],
    suffix: str,
    start_ms: int,
) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(sweeps[suffix])
    source = play(path, start_ms=start_ms)
    frames = take(source, 30)
    # The first 40 ms are left out: a decoder that starts in the middle needs to settle.
    assert time_of(decode(frames)[1920:]) * 1000 - 40 == pytest.approx(start_ms, abs=20)
    assert source.position_ms == start_ms + 600


def test_a_start_behind_the_end_ends_without_an_error(
    tmp_path: Path, play: Callable[..., TrackSource]
) -> None:
    for suffix in ("opus", "mp3"):
        source = play(write(tmp_path / f"a.{suffix}", tone(2)), start_ms=60_000)
        assert not source.ready(5)
        assert source.is_over
        assert (source.read(), source.error, source.finished) == (b"", None, True)


@pytest.mark.parametrize("suffix", ["opus", "mp3"])
def test_half_volume_is_half_the_amplitude(
    tmp_path: Path, play: Callable[..., TrackSource], suffix: str
) -> None:
    path = write(tmp_path / f"a.{suffix}", tone(3))
    full = rms(decode(take(play(path)))[9600:96_000])
    half = play(path, volume=50)
    assert rms(decode(take(half))[9600:96_000]) == pytest.approx(full / 2, rel=0.03)
    assert not half.passthrough


@pytest.mark.parametrize("suffix", ["opus", "mp3"])
def test_the_volume_changes_while_playing_and_nothing_is_lost_or_doubled(
    tmp_path: Path, play: Callable[..., TrackSource], suffix: str
) -> None:
    source = play(write(tmp_path / f"a.{suffix}", sweep(16)))
    frames = take(source, 100)
    source.set_volume(50)
    until(lambda: not source._pump._volume_changed)
    frames += take(source, 200)
    assert source.passthrough is False
    source.set_volume(100)
    until(lambda: not source._pump._volume_changed)
    frames += take(source)
    assert source.passthrough is (suffix == "opus")
    assert len(frames) == pytest.approx(16 * 50 + 5, abs=3)
    samples = decode(frames)
    for second in (1.0, 4.0, 5.5, 10.0, 14.0):  # still at the right position after each change
        assert time_of(samples[int(second * 48_000) :]) == pytest.approx(second, abs=0.02)
    loud, soft, again = (rms(samples[int(at * 48_000) :][:24_000]) for at in (1.0, 3.0, 8.0))
    assert soft == pytest.approx(loud / 2, rel=0.05)
    assert again == pytest.approx(loud, rel=0.05)


def test_the_last_word_on_volume_counts_even_when_all_was_read(
    tmp_path: Path, play: Callable[..., TrackSource]
) -> None:
    source = play(write(tmp_path / "a.opus", tone(2)))
    until(lambda: source._pump._ended)
    source.set_volume(0)
    until(lambda: not source._pump._volume_changed and source._pump._ended)
    frames = take(source)
    assert len(frames) == pytest.approx(105, abs=3)
    assert rms(decode(frames)[48_000 // 2 : 90_000]) < 0.001


def test_opus_with_mixed_packets_comes_out_in_20_ms(tmp_path: Path, play: Callable[..., TrackSource]) -> None:
    source = play(write_mixed_opus(tmp_path / "mixed.opus", 4))
    frames = take(source)
    assert source.error is None
    assert not source.passthrough
    assert len(frames) == pytest.approx(4 * 50 + 5, abs=5)
    samples = decode(frames)[9600 : 3 * 48_000]
    assert loudest_hz(samples) == pytest.approx(440, abs=1)
    # The file's own seam between its halves is quieter, but no block is silent.
    blocks = samples[: len(samples) // 960 * 960].reshape(-1, 960)
    assert min(rms(block) for block in blocks) > 0.1


def test_opus_with_60_ms_packets_is_transcoded(tmp_path: Path, play: Callable[..., TrackSource]) -> None:
    source = play(write(tmp_path / "a.opus", tone(3), frame_ms=60))
    assert loudest_hz(decode(take(source))[9600:96_000]) == pytest.approx(440, abs=0.5)


def test_a_link_that_drops_is_played_without_a_gap(
    audio_server: AudioServer, tmp_path: Path, play: Callable[..., TrackSource]
) -> None:
    path = write(tmp_path / "a.opus", tone(20))
    resource = Resource(path.read_bytes())
    audio_server.resources["/a.opus"] = resource
    source = play(audio_server.url("/a.opus"))
    assert source.ready(5)
    resource.drops = [30_000, 100, None]
    assert take(source) == packets(path) + [SILENCE] * 5
    assert source.error is None


def test_a_link_that_breaks_off_plays_what_came_and_says_so(
    audio_server: AudioServer, tmp_path: Path, play: Callable[..., TrackSource]
) -> None:
    path = write(tmp_path / "a.opus", tone(20))
    audio_server.resources["/a.opus"] = Resource(path.read_bytes(), ranges=False, drops=[150_000])
    source = play(audio_server.url("/a.opus"))
    assert source.ready(5)
    assert source.error is None
    frames = take(source)
    assert source.error is not None
    assert source.error.code == "BROKE_OFF"
    played = frames[:-5]
    assert 100 < len(played) < 900
    assert played == packets(path)[: len(played)]


@pytest.mark.parametrize("suffix", ["opus", "webm", "mp3", "flac", "m4a", "wav"])
@pytest.mark.parametrize("served", ["in parts", "as a whole", "in chunks", "compressed", "refusing parts"])
def test_a_start_over_http_lands_where_it_should(
    audio_server: AudioServer,
    sweeps: dict[str, bytes],
    play: Callable[..., TrackSource],
    served: str,
    suffix: str,
) -> None:
    body = sweeps[suffix]
    whole = f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    audio_server.resources["/a"] = {
        "in parts": Resource(body),
        "as a whole": Resource(body, ranges=False),
        "in chunks": Resource(body, ranges=False, chunked=4096),
        "compressed": Resource(gzip.compress(body, 1), headers={"Content-Encoding": "gzip"}, ranges=False),
        "refusing parts": Resource(
            script=lambda sent: b"HTTP/1.1 501 No\r\n\r\n" if "Range" in sent else whole
        ),
    }[served]
    source = play(audio_server.url("/a"), start_ms=12_000)
    assert time_of(decode(take(source, 30))[1920:]) - 0.04 == pytest.approx(12, abs=0.02)
    assert source.position_ms == 12_600


def test_a_station_starts_where_it_is(
    audio_server: AudioServer, tmp_path: Path, play: Callable[..., TrackSource]
) -> None:
    body = write(tmp_path / "a.mp3", tone(20)).read_bytes()
    headers = {"icy-name": "Radio"}
    audio_server.resources["/radio"] = Resource(body, headers=headers, ranges=False, with_length=False)
    source = play(audio_server.url("/radio"), start_ms=300_000)
    assert loudest_hz(decode(take(source, 200))[9600:]) == pytest.approx(440, abs=0.5)
    assert source.position_ms == 304_000


def test_a_slow_server_means_silence_and_not_waiting(
    audio_server: AudioServer, tmp_path: Path, play: Callable[..., TrackSource]
) -> None:
    body = write(tmp_path / "a.opus", tone(20)).read_bytes()
    audio_server.resources["/a.opus"] = Resource(body, ranges=False, stall_after=100_000)
    source = play(audio_server.url("/a.opus"))
    assert source.ready(5)
    assert audio_server.stalled.wait(5)
    while source.ready(0.3):
        source.read()
    position, before = source.position_ms, source.underruns
    for _ in range(10):
        assert source.read() == SILENCE
    assert source.underruns == before + 10
    assert source.position_ms == position  # silence does not advance the position
    assert not source.finished


def test_reading_ahead_is_bounded(tmp_path: Path, play: Callable[..., TrackSource]) -> None:
    source = play(write(tmp_path / "a.opus", tone(60)))
    until(lambda: len(source._pump._frames) > 150)
    for _ in range(20):
        source.read()
    until(lambda: len(source._pump._frames) > 150)
    assert len(source._pump._frames) <= 200


def test_cleanup_ends_a_read_that_blocks(
    audio_server: AudioServer,
    tmp_path: Path,
    play: Callable[..., TrackSource],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_media, "READ_SECONDS", 3600.0)
    body = write(tmp_path / "a.opus", tone(20)).read_bytes()
    audio_server.resources["/a.opus"] = Resource(body, ranges=False, stall_after=100_000)
    source = play(audio_server.url("/a.opus"))
    assert source.ready(5)
    assert audio_server.stalled.wait(5)
    source.cleanup()
    assert source.join(5)
    source.cleanup()
    assert source.read() == b""
    assert source.error is None


def test_sources_leave_no_threads_and_no_files_behind(audio_server: AudioServer, tmp_path: Path) -> None:
    path = write(tmp_path / "a.opus", tone(20))
    audio_server.resources["/a.opus"] = Resource(path.read_bytes())

    def sources() -> int:
        return sum(thread.name == "track-source" for thread in threading.enumerate())

    def files() -> list[str]:
        links = []
        for entry in Path("/proc/self/fd").iterdir():
            try:
                links.append(str(entry.readlink()))
            except OSError:  # closed meanwhile
                continue
        return [link for link in links if "a.opus" in link]

    until(lambda: sources() == 0)
    for round_ in range(8):
        media = (
            path
            if round_ % 2
            else HttpSource(SourceOptions(tmp_path, LOOPBACK)).open(audio_server.url("/a.opus"))
        )
        source = TrackSource(media)
        if round_ % 3:
            source.ready(5)
        source.cleanup()
    until(lambda: sources() == 0)
    assert files() == []
    until(lambda: server_connections(audio_server) == 0)


def server_connections(audio_server: AudioServer) -> int:
    """Return this process's established connections to the server, from the kernel's table."""
    port = f":{audio_server.server_port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[2].endswith(port) and row[3] == "01" for row in rows)


def test_a_forgotten_source_ends_by_itself(tmp_path: Path) -> None:
    source = TrackSource(write(tmp_path / "a.opus", tone(20)))
    assert source.ready(5)
    stopped = source._pump.stopped
    del source
    gc.collect()
    assert stopped.wait(5)
