"""Sound whose parameters change midway, starts within it, and servers that cannot seek."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Unpack

import numpy as np
import pytest
from numpy.typing import NDArray

import botrunner.audio.frames as frames_module
from botrunner.audio import TrackSource
from library.sources.chain import AudioChain
from library.sources.container import AudioContainer
from library.sources.opus import SILENCE
from library.sources.window import Window
from tests.botrunner.listening import decode, rms, sweep, take, time_of
from tests.library.audio_files import loudest_hz
from tests.library.audio_server import AudioServer, Resource
from tests.library.made_files import FRAGMENTS, VARIABLE, Encoding, Shape, encode, mp3, with_ogg_bytes
from tests.waiting import until

CASES = Path(__file__).parents[3] / "shared" / "cases"
LEVEL = 0.4 / np.sqrt(2)
pytestmark = pytest.mark.usefixtures("quick_retries")


def ogg(codec: str, hz: float = 440, seconds: float = 2, **encoding: Unpack[Encoding]) -> bytes:
    return encode("ogg", codec, hz=hz, seconds=seconds, **encoding)


@cache
def low() -> bytes:
    return ogg("libopus")


@cache
def high(layout: str = "stereo") -> bytes:
    return ogg("libopus", 660, layout=layout)


def aac(hz: float, **encoding: Unpack[Encoding]) -> bytes:
    return encode("adts", "aac", hz=hz, seconds=2, **encoding)


def flac(hz: float, **encoding: Unpack[Encoding]) -> bytes:
    return encode("flac", "flac", hz=hz, seconds=2, **encoding)


def ac3(hz: float, **shape: Unpack[Shape]) -> bytes:
    return encode("ac3", "ac3", hz=hz, seconds=2, bit_rate=384_000, **shape)


def two(muxer: str, codec: str, hz: float = 440, **encoding: Unpack[Encoding]) -> bytes:
    return encode(muxer, codec, hz=hz, seconds=2, **encoding)


def fragmented(codec: str, hz: float = 440, *, rate: int = 48_000, layout: str = "stereo") -> bytes:
    return two("mp4", codec, hz, rate=rate, layout=layout, piped=True, container=FRAGMENTS)


# Two seconds of 440 Hz, then two of 660.
CHAINS: dict[str, Callable[[], bytes]] = {
    "other channels.opus": lambda: low() + high("mono"),
    "longer packets.opus": lambda: low() + ogg("libopus", 660, options={"frame_duration": "60"}),
    "other rate.ogg": lambda: ogg("vorbis", rate=44_100) + ogg("vorbis", 660, rate=48_000),
    "same serial.ogg": lambda: ogg("vorbis", rate=44_100) + ogg("vorbis", 660, rate=44_100),
    "Vorbis, then Opus.ogg": lambda: ogg("vorbis", rate=44_100) + high(),
    "Opus, then Vorbis.ogg": lambda: low() + ogg("vorbis", 660, rate=32_000),
    "FLAC in Ogg.oga": lambda: ogg("flac", rate=44_100) + ogg("flac", 660, layout="mono"),
    "joined.flac": lambda: flac(440, rate=44_100) + flac(660, layout="mono"),
    "half the rate.mp3": lambda: (
        mp3(seconds=2, rate=44_100) + mp3(hz=660, seconds=2, rate=22_050, layout="mono")
    ),
    "other rate.mp3": lambda: mp3(seconds=2, rate=44_100) + mp3(hz=660, seconds=2, rate=48_000),
    "joined.aac": lambda: aac(440, rate=44_100) + aac(660, rate=24_000, layout="mono"),
    "AC-3.mp3": lambda: ac3(440) + ac3(660, rate=44_100, layout="5.1"),
    "joined.webm": lambda: (
        encode("webm", "libopus", seconds=2) + encode("webm", "libopus", hz=660, seconds=2, layout="mono")
    ),
    "Vorbis, then Opus.webm": lambda: two("webm", "vorbis", rate=44_100) + two("webm", "libopus", 660),
    "no lengths.webm": lambda: two("webm", "libopus", piped=True) + two("webm", "vorbis", 660, piped=True),
    "FLAC, then MP3.mka": lambda: two("matroska", "flac") + two("matroska", "libmp3lame", 660, rate=44_100),
    "AAC, then MP3.ts": lambda: two("mpegts", "aac", rate=44_100) + two("mpegts", "libmp3lame", 660),
    "other channels.ts": lambda: two("mpegts", "libopus") + two("mpegts", "libopus", 660, layout="mono"),
    "other rate.mp4": lambda: (
        fragmented("aac", rate=44_100) + fragmented("aac", 660, rate=24_000, layout="mono")
    ),
    "AAC, then ALAC.mp4": lambda: fragmented("aac") + fragmented("alac", 660, rate=44_100),
    "AAC, then MP3.aac": lambda: aac(440, rate=44_100) + mp3(hz=660, seconds=2),
    "MP3, then AAC.mp3": lambda: mp3(seconds=2) + aac(660, rate=24_000, layout="mono"),
}


@cache
def chain(name: str) -> bytes:
    return CHAINS[name]()


def check_two_tones(samples: NDArray[np.float32], *, seconds: float, loudest: float = LEVEL) -> None:
    """Check for 440 Hz, then 660 Hz, of the same length, without noise at the seam or a gap of over 0.1 s."""
    assert len(samples) / 48_000 == pytest.approx(2 * seconds + 0.1, abs=0.15)
    half = round(seconds * 48_000)
    assert loudest_hz(samples[4_800 : half - 4_800]) == pytest.approx(440, abs=1)
    assert loudest_hz(samples[half + 9_600 : 2 * half - 4_800]) == pytest.approx(660, abs=1)
    levels = [rms(block) for block in samples[: 2 * half].reshape(-1, 960)[5:-5]]
    assert max(levels) < 1.25 * loudest
    assert sum(level < 0.05 for level in levels) < 8
    assert float(np.max(np.abs(samples))) < 2 * loudest


@pytest.mark.parametrize("medium", ["file", "link", "station"])
@pytest.mark.parametrize("name", CHAINS)
def test_a_change_on_the_way_is_heard_as_it_was_made(
    tmp_path: Path, audio_server: AudioServer, play: Callable[..., TrackSource], name: str, medium: str
) -> None:
    data = chain(name)
    path = tmp_path / name
    path.write_bytes(data)
    headers = {"icy-name": "Radio"} if medium == "station" else {}
    audio_server.resources["/a"] = Resource(
        data, headers=headers, ranges=medium == "link", with_length=medium == "link"
    )
    source = play(path if medium == "file" else audio_server.url("/a"))
    frames = take(source, 190 if medium == "station" else None)
    assert source.error is None
    if medium != "station":  # a station continues from the beginning
        check_two_tones(decode(frames), seconds=2)
    else:
        assert loudest_hz(decode(frames)[-48_000:-9_600]) == pytest.approx(660, abs=1)


@pytest.mark.parametrize("name", ["chain_ch", "chain_q", "chain_rate"])
def test_chains_as_stations_send_them(play: Callable[..., TrackSource], name: str) -> None:
    path = CASES / f"{name}.ogg"
    if not path.exists():
        pytest.skip("needs the files of ../shared/cases")
    source = play(path)
    samples = decode(take(source))
    assert source.error is None
    check_two_tones(samples, seconds=6, loudest=rms(samples[48_000:96_000]))


def packets_of(data: bytes) -> list[bytes]:
    return [bytes(packet) for packet in AudioContainer(Window(io.BytesIO(data))).packets()]


def test_opus_passes_untouched_through_the_seams(tmp_path: Path, play: Callable[..., TrackSource]) -> None:
    path = tmp_path / "a.opus"
    path.write_bytes(low() + high("mono") + low())
    source = play(path)
    parts = [packets_of(part) for part in (low(), high("mono"), low())]
    frames = take(source)
    # At each seam one packet of silence keeps the listener's decoder from bursting.
    assert frames == [*parts[0], SILENCE, *parts[1], SILENCE, *parts[2], *[SILENCE] * 5]
    assert source.passthrough
    assert float(np.max(np.abs(decode(frames)))) < 0.5


def test_packets_that_only_lead_in_are_not_heard(tmp_path: Path, play: Callable[..., TrackSource]) -> None:
    """A pre-skip of 80 ms is four packets for decoders to settle. If they were passed on, they would be heard."""
    at = high().index(b"OpusHead")
    led_in = with_ogg_bytes(high(), high()[at : at + 12], high()[at : at + 10] + (3840).to_bytes(2, "little"))
    path = tmp_path / "a.opus"
    path.write_bytes(low() + led_in)
    assert take(play(path)) == [*packets_of(low()), SILENCE, *packets_of(high())[4:], *[SILENCE] * 5]


def test_a_gain_of_a_later_part_is_heard(tmp_path: Path, play: Callable[..., TrackSource]) -> None:
    at = high().index(b"OpusHead")
    gain = (-6 * 256).to_bytes(2, "little", signed=True)
    softer = with_ogg_bytes(high(), high()[at : at + 18], high()[at : at + 16] + gain)
    path = tmp_path / "a.opus"
    path.write_bytes(low() + softer)
    samples = decode(take(play(path)))
    assert rms(samples[3 * 48_000 :][:24_000]) == pytest.approx(rms(samples[48_000:][:24_000]) / 2, rel=0.05)


def swept(muxer: str, codec: str, start: float, **encoding: Unpack[Encoding]) -> bytes:
    samples = sweep(16, rate=encoding.get("rate", 48_000))
    rate = len(samples) // 16
    part = samples[round(start * rate) : round((start + 8) * rate)]
    return encode(muxer, codec, samples=part, **encoding)


# Sixteen seconds whose pitch shows the position. The first five have a seam at eight seconds.
SWEPT: dict[str, Callable[[], bytes]] = {
    "opus": lambda: swept("ogg", "libopus", 0) + swept("ogg", "libopus", 8, layout="mono"),
    "ogg": lambda: swept("ogg", "vorbis", 0, rate=44_100) + swept("ogg", "libopus", 8),
    "flac": lambda: swept("flac", "flac", 0, rate=44_100) + swept("flac", "flac", 8, layout="mono"),
    "webm": lambda: swept("webm", "libopus", 0) + swept("webm", "libopus", 8),
    "wv": lambda: swept("wv", "wavpack", 0, rate=44_100) + swept("wv", "wavpack", 8),
    "mp3": lambda: encode(
        "mp3", "libmp3lame", samples=sweep(16), bit_rate=None, options=VARIABLE, piped=True
    ),
    "aac": lambda: encode("adts", "aac", samples=sweep(16)),
    "m4a": lambda: encode("mp4", "aac", samples=sweep(16), piped=True, container=FRAGMENTS),
}


@cache
def swept_file(suffix: str) -> bytes:
    return SWEPT[suffix]()


@pytest.mark.parametrize("suffix", SWEPT)
@pytest.mark.parametrize("start_ms", [7_310, 8_040, 12_500])
def test_a_start_lands_where_it_should_beyond_a_seam_and_without_an_index(
    tmp_path: Path, play: Callable[..., TrackSource], suffix: str, start_ms: int
) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(swept_file(suffix))
    source = play(path, start_ms=start_ms)
    frames = take(source, 30)
    assert time_of(decode(frames)[1920:]) * 1000 - 40 == pytest.approx(start_ms, abs=50)
    assert source.position_ms == start_ms + 600


@pytest.mark.parametrize("suffix", ["opus", "ogg"])
def test_the_volume_changes_around_a_seam_and_nothing_is_lost_or_doubled(
    tmp_path: Path, play: Callable[..., TrackSource], suffix: str
) -> None:
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(swept_file(suffix))
    source = play(path)
    frames = take(source, 350)  # the seam has been read, and will be heard a second later
    source.set_volume(50)
    until(lambda: not source._pump._volume_changed)
    frames += take(source, 100)
    source.set_volume(100)
    until(lambda: not source._pump._volume_changed)
    frames += take(source)
    assert source.error is None
    assert len(frames) == pytest.approx(16 * 50 + 5, abs=4)
    samples = decode(frames)
    for second in (3.0, 7.5, 8.3, 10.0, 14.0):
        assert time_of(samples[int(second * 48_000) :]) == pytest.approx(second, abs=0.06)


CODECS = {"flac": "flac", "mpegts": "aac", "adts": "aac", "mp3": "libmp3lame"}


@cache
def noisy(muxer: str, start: float, end: float, *, piped: bool = False) -> bytes:
    samples = sweep(16)[round(start * 48_000) : round(end * 48_000)]
    noise = np.random.default_rng(1).normal(0, 0.02, len(samples)).astype(np.float32)
    return encode(muxer, CODECS[muxer], samples=samples + noise, bit_rate=256_000, piped=piped)


# In these, FFmpeg's search for a position ends in the other file. They are larger than what is fetched to find parts.
SEARCHED: dict[str, Callable[[], bytes]] = {
    "flac": lambda: noisy("flac", 0, 8) + noisy("flac", 8, 16),
    "flac, the first longer": lambda: noisy("flac", 0, 12) + noisy("flac", 12, 16),
    "flac without lengths": lambda: noisy("flac", 0, 8, piped=True) + noisy("flac", 8, 16, piped=True),
    "ts": lambda: noisy("mpegts", 0, 8) + noisy("mpegts", 8, 16),
    "aac, then mp3": lambda: noisy("adts", 0, 8) + noisy("mp3", 8, 16),
}


@pytest.mark.parametrize("medium", ["file", "link"])
@pytest.mark.parametrize("name", SEARCHED)
def test_a_start_is_not_searched_for_in_another_file(
    tmp_path: Path, audio_server: AudioServer, play: Callable[..., TrackSource], name: str, medium: str
) -> None:
    data = SEARCHED[name]()
    path = tmp_path / "a"
    path.write_bytes(data)
    audio_server.resources["/a"] = Resource(data)
    for start_ms in (3_000, 7_310, 8_040, 12_500):
        source = play(path if medium == "file" else audio_server.url("/a"), start_ms=start_ms)
        frames = take(source, 30)
        began_ms = source.position_ms - 600
        assert began_ms == pytest.approx(start_ms, abs=1)
        assert time_of(decode(frames)[1920:]) * 1000 - 40 == pytest.approx(start_ms, abs=100)


def test_a_single_file_is_searched(audio_server: AudioServer, play: Callable[..., TrackSource]) -> None:
    data = noisy("flac", 0, 16)
    audio_server.resources["/a"] = Resource(data, headers={"Accept-Ranges": "bytes"})
    source = play(audio_server.url("/a"), start_ms=12_500)
    frames = take(source, 30)
    assert time_of(decode(frames)[1920:]) * 1000 - 40 == pytest.approx(12_500, abs=100)
    with AudioChain(io.BytesIO(data)) as chain:
        assert chain.seek(12_500)
        assert 11_500 < next(chain.packets()).position_ms <= 12_500


# --- Servers that cannot seek ---


def chunked(body: bytes) -> Resource:
    """Return a finite file of unknown length, as transcoding servers send it."""
    return Resource(body, ranges=False, with_length=False)


@pytest.mark.parametrize("suffix", SWEPT)
def test_a_file_of_unknown_length_goes_on_where_it_was_left(
    audio_server: AudioServer, play: Callable[..., TrackSource], suffix: str
) -> None:
    audio_server.resources["/a"] = chunked(swept_file(suffix))
    source = play(audio_server.url("/a"), start_ms=7_000)
    frames = take(source, 30)
    assert time_of(decode(frames)[1920:]) - 0.04 == pytest.approx(7, abs=0.05)
    assert source.position_ms == 7_600
    while source.read():
        if source.underruns > 500:
            source.ready(5)
    assert source.error is None


def test_a_slow_server_is_not_read_over_for_ever_and_the_position_says_so(
    audio_server: AudioServer, play: Callable[..., TrackSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames_module, "READ_OVER_SECONDS", 0.0)
    audio_server.resources["/a"] = chunked(swept_file("mp3"))
    source = play(audio_server.url("/a"), start_ms=7_000)
    frames = take(source, 30)
    assert source.position_ms < 1_000
    assert time_of(decode(frames)[1920:]) - 0.04 == pytest.approx(source.position_ms / 1000 - 0.6, abs=0.06)


def test_a_station_that_was_left_plays_on_at_another_volume(
    audio_server: AudioServer, play: Callable[..., TrackSource]
) -> None:
    audio_server.resources["/radio"] = Resource(
        mp3(seconds=20), headers={"icy-name": "Radio"}, ranges=False, with_length=False
    )
    source = play(audio_server.url("/radio"), start_ms=300_000)
    take(source, 50)
    source.set_volume(50)
    until(lambda: not source._pump._volume_changed)
    frames = take(source, 150)
    assert source.position_ms == 304_000
    assert rms(decode(frames)[48_000:]) == pytest.approx(LEVEL / 2, rel=0.1)


def test_a_new_volume_makes_no_burst(tmp_path: Path, play: Callable[..., TrackSource]) -> None:
    path = tmp_path / "a.opus"
    path.write_bytes(ogg("libopus", seconds=12))
    source = play(path)
    frames = take(source, 100)
    for volume in (80, 100):
        source.set_volume(volume)
        until(lambda: not source._pump._volume_changed)
        frames += take(source, 100)
    assert float(np.max(np.abs(decode(frames)))) < 0.5
