from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Unpack

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from library.sources.chain import AudioChain
from library.sources.container import AudioContainer
from library.sources.errors import SourceError
from library.sources.joined import FlacCut, FrameCut, MatroskaCut, MovCut, TsCut
from library.sources.ogg import OggCut, find_parts
from library.sources.probe import probe
from library.sources.types import Media
from library.sources.window import Cut
from tests.library.made_files import Encoding, encode, id3v2, mp3, with_covers, with_index_first, with_serial

CASES = Path(__file__).parents[3] / "shared" / "cases"


class OneWay(io.BytesIO):
    """A response from a server that cannot seek."""

    is_live = False

    def seekable(self) -> bool:
        return False


def parts(media: Media) -> list[tuple[str, int]]:
    """Return each part's codec, and its end in the track in milliseconds."""
    found: dict[AudioContainer, float] = {}
    with AudioChain(media) as chain:
        for packet in chain.packets():
            found[packet.container] = packet.end_ms
        return [
            (container.stream.codec_context.name.removeprefix("lib"), round(end))
            for container, end in found.items()
        ]


def ogg(codec: str, seconds: float = 1.0, **encoding: Unpack[Encoding]) -> bytes:
    return encode("ogg", codec, seconds=seconds, **encoding)


STEREO, MONO = ogg("libopus"), ogg("libopus", 0.5, layout="mono")
VORBIS, FLAC_IN_OGG = ogg("vorbis", rate=44_100), ogg("flac", rate=32_000)
CHAINS = {
    "opus": (STEREO + MONO, ["opus", "opus"]),
    "three": (MONO + STEREO + MONO, ["opus"] * 3),
    "codecs": (VORBIS + STEREO + FLAC_IN_OGG, ["vorbis", "opus", "flac"]),
    "itself": (VORBIS + VORBIS, ["vorbis", "vorbis"]),
}


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("medium", ["path", "seekable", "one way"])
def test_each_part_of_a_chain_has_its_own_decoder(tmp_path: Path, name: str, medium: str) -> None:
    data, codecs = CHAINS[name]
    path = tmp_path / "a.ogg"
    path.write_bytes(data)
    media: dict[str, Media] = {"path": path, "seekable": io.BytesIO(data), "one way": OneWay(data)}
    found = parts(media[medium])
    assert [codec for codec, _ in found] == codecs
    with AudioChain(path) as chain:
        assert chain.duration_ms == pytest.approx(found[-1][1], abs=5)


@pytest.mark.parametrize("name", ["chain_ch", "chain_q", "chain_rate"])
def test_chains_as_stations_send_them(name: str) -> None:
    path = CASES / f"{name}.ogg"
    if not path.exists():
        pytest.skip("needs the files of ../shared/cases")
    assert probe(path).duration_ms == 12_000
    assert [end for _, end in parts(path)] == [6_000, 12_000]


def noise(seconds: float) -> NDArray[np.float32]:
    return np.random.default_rng(1).normal(0, 0.2, round(seconds * 48_000)).astype(np.float32)


LONG = encode("ogg", "flac", samples=noise(12))  # more than is fetched from a server to find parts


def test_a_long_chain_on_a_server_is_read_from_front_to_back() -> None:
    """FFmpeg finds another stream at the end, so it has no length and cannot seek."""
    with AudioChain(io.BytesIO(LONG + with_serial(VORBIS, 77))) as chain:
        assert chain.duration_ms is None
        assert not chain.seek(1000)
        ends = [packet.end_ms for packet in chain.packets()]
    assert ends[-1] == pytest.approx(13_000, abs=5)


def test_a_long_file_on_a_server_tells_its_length_and_seeks() -> None:
    with AudioChain(io.BytesIO(LONG)) as chain:
        assert chain.duration_ms == 12_000
        assert chain.seek(9_000)
        assert 8_000 < next(chain.packets()).position_ms <= 9_000


@pytest.mark.parametrize("other", [with_serial(VORBIS, 77), LONG, STEREO], ids=["serial", "same", "codec"])
def test_a_long_file_is_known_to_be_a_chain_from_samples_of_it(tmp_path: Path, other: bytes) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(LONG + other)
    found = find_parts(io.BytesIO(LONG + other), len(LONG + other))
    assert found == [(0, len(LONG)), (len(LONG), len(LONG + other))]
    with AudioChain(path) as chain:
        assert chain.seek(12_100)
        assert next(chain.packets()).position_ms == pytest.approx(12_000, abs=110)


def test_a_damaged_part_costs_itself_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broken = bytearray(STEREO)
    broken[28:36] = b"Rubbish!"
    path = tmp_path / "Some Song.ogg"
    path.write_bytes(VORBIS + bytes(broken) + FLAC_IN_OGG)
    caplog.set_level("INFO")
    assert [codec for codec, _ in parts(path)] == ["vorbis", "flac"]
    assert "Some Song.ogg" in caplog.text
    path.write_bytes(bytes(broken))
    with pytest.raises(SourceError):
        AudioChain(path)


@pytest.mark.parametrize(
    ("muxer", "codec", "suffix"),
    [
        ("flac", "flac", "flac"),
        ("wav", "pcm_s16le", "wav"),
        ("wv", "wavpack", "wv"),
        ("tta", "tta", "tta"),
        ("mp4", "aac", "m4a"),
        ("matroska", "flac", "mka"),
        ("aiff", "pcm_s16be", "aiff"),
        ("asf", "wmav2", "wma"),
        ("adts", "aac", "aac"),
        ("mp3", "libmp3lame", "mp3"),
    ],
)
def test_files_joined_into_one_are_one_track(tmp_path: Path, muxer: str, codec: str, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    first = encode(muxer, codec, seconds=1, rate=44_100)
    path.write_bytes(first + encode(muxer, codec, seconds=2, rate=48_000, layout="mono"))
    assert probe(path).duration_ms == pytest.approx(3_000, abs=130)


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (id3v2(3, title="Before"), b""),
        (bytes(5000), b""),
        (b"<html>" * 900, b"</html>"),
        (b"", bytes(70_000)),
        (b"", b"TAG" + bytes(125)),
    ],
    ids=["tag before", "zeros before", "page around", "zeros behind", "tag behind"],
)
@pytest.mark.parametrize(
    ("muxer", "codec"),
    [
        ("wav", "pcm_s16le"),
        ("mp4", "aac"),
        ("wv", "wavpack"),
        ("flac", "flac"),
        ("ogg", "libopus"),
        ("webm", "libopus"),
    ],
)
def test_what_lies_around_a_file_does_not_matter(
    tmp_path: Path, muxer: str, codec: str, before: bytes, behind: bytes
) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(before + encode(muxer, codec, seconds=1) + behind)
    assert probe(path).duration_ms == pytest.approx(1_000, abs=30)
    with AudioChain(path) as chain:
        ends = [packet.end_ms for packet in chain.packets()]  # without an error after them
    assert ends[-1] == pytest.approx(1_000, abs=30)


def mpeg(hz: float, rate: int) -> bytes:
    return mp3(hz=hz, seconds=1, rate=rate)


BEHIND_RUBBISH: dict[str, tuple[bytes, list[str]]] = {
    "ogg": (VORBIS + STEREO, ["vorbis", "opus"]),
    "flac": (
        encode("flac", "flac", seconds=1) + encode("flac", "flac", seconds=1, layout="mono"),
        ["flac"] * 2,
    ),
    "mp3": (mpeg(440, 44_100) + encode("adts", "aac", seconds=1), ["mp3float", "aac"]),
    "aac": (encode("adts", "aac", seconds=1) + mpeg(440, 22_050), ["aac", "mp3float"]),
}


@pytest.mark.parametrize("medium", ["path", "seekable", "one way"])
@pytest.mark.parametrize(
    "before",
    [
        id3v2(3, title="x"),
        id3v2(4, title="x", pictures=[(3, noise(1).tobytes())]),
        id3v2(3, title="x") + bytes(700),
        b"\r\n",
        noise(0.02).tobytes(),
        b"<html>" * 900,
    ],
    ids=["tag", "long tag", "tag and padding", "line end", "rubbish", "page"],
)
@pytest.mark.parametrize("kind", BEHIND_RUBBISH)
def test_a_chain_behind_something_else_is_one(tmp_path: Path, kind: str, before: bytes, medium: str) -> None:
    data, codecs = BEHIND_RUBBISH[kind]
    path = tmp_path / "a"
    path.write_bytes(before + data)
    media: dict[str, Media] = {
        "path": path,
        "seekable": io.BytesIO(before + data),
        "one way": OneWay(before + data),
    }
    found = parts(media[medium])
    assert [codec for codec, _ in found] == codecs
    assert found[-1][1] == pytest.approx(2_000, abs=90)
    assert probe(path).duration_ms == pytest.approx(2_000, abs=90)


def cut_apart(new_cut: Callable[[], Cut], data: bytes, sizes: list[int]) -> list[bytes]:
    """Return the output for data that arrives in pieces of these sizes, repeated."""
    parts, at, turn = [], 0, 0
    while at < len(data):
        cut, part = new_cut(), b""
        while cut.rest is None:
            piece = data[at : at + sizes[turn % len(sizes)]]
            turn += 1
            at += len(piece)
            part += cut.pass_on(piece)
            if not piece:
                break
        at -= len(cut.rest or b"")
        parts.append(part)
    return parts


SHORT: dict[str, tuple[Callable[[], Cut], list[bytes]]] = {
    "ogg": (OggCut, [STEREO, MONO, VORBIS]),
    "flac": (FlacCut, [encode("flac", "flac", seconds=0.2)] * 3),
    "webm": (
        MatroskaCut,
        [encode("webm", codec, seconds=0.2) for codec in ("vorbis", "libopus")],
    ),
    "mp4": (MovCut, [encode("mp4", codec, seconds=0.2) for codec in ("aac", "alac", "aac")]),
    "mpeg": (
        FrameCut,
        [
            id3v2(3, title="x", pictures=[(3, b"\xff\xf1" * 900)]) + mp3(seconds=0.3),
            encode("adts", "aac", seconds=0.3),
            mp3(seconds=0.3, rate=22_050, layout="mono"),
        ],
    ),
    "ts": (TsCut, [encode("mpegts", codec, seconds=0.3) for codec in ("aac", "libmp3lame", "libopus")]),
}


@pytest.mark.parametrize("kind", SHORT)
@given(sizes=st.lists(st.integers(1, 6000), min_size=1, max_size=20))
def test_cuts_do_not_depend_on_how_the_bytes_arrive(kind: str, sizes: list[int]) -> None:
    new_cut, parts = SHORT[kind]
    if kind == "ts":  # the service description comes first, and names no streams
        first, second, third = parts
        parts = [first + second[:188], second[188:] + third[:188], third[188:]]
    assert cut_apart(new_cut, b"".join(parts), sizes) == parts


@given(data=st.binary(max_size=300), sizes=st.lists(st.integers(1, 50), min_size=1, max_size=9))
@pytest.mark.parametrize("kind", SHORT)
def test_a_cut_loses_no_byte_of_rubbish(kind: str, data: bytes, sizes: list[int]) -> None:
    new_cut, parts = SHORT[kind]
    rubbish = data + parts[0][:4] + data
    assert b"".join(cut_apart(new_cut, rubbish, sizes)) == rubbish


def test_timestamps_that_begin_again_are_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.webm"
    path.write_bytes(encode("webm", "libopus", seconds=2) * 3)
    with AudioChain(path) as chain:
        positions = [packet.position_ms for packet in chain.packets()]
    assert positions == sorted(positions)
    assert positions[-1] == pytest.approx(6_000, abs=40)


def test_a_station_goes_on_where_its_listener_is() -> None:
    media = OneWay(encode("mp3", "libmp3lame", seconds=2))
    media.is_live = True
    with AudioChain(media) as chain:
        chain.begin_at(300_000)
        assert next(chain.packets()).position_ms == pytest.approx(300_000, abs=60)
        assert chain.duration_ms is None


def test_looking_at_the_other_parts_does_not_disturb_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(LONG + VORBIS)
    with AudioChain(path) as chain:
        packets = chain.packets()
        first = next(packets)
        assert chain.duration_ms == pytest.approx(13_000, abs=5)
        ends = [packet.end_ms for packet in packets]
    assert first.position_ms == 0
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(13_000, abs=5)


@pytest.mark.parametrize("medium", ["path", "one way"])
def test_a_part_that_was_cut_off_hides_no_other(tmp_path: Path, medium: str) -> None:
    """In the middle of a page, a station was rejoined or a download broke off."""
    longer = ogg("libopus", 3.5)
    data = longer[:-1000] + VORBIS + LONG[:-3000] + MONO
    path = tmp_path / "a.ogg"
    path.write_bytes(data)
    found = parts(path if medium == "path" else OneWay(data))
    assert [codec for codec, _ in found] == ["opus", "vorbis", "flac", "opus"]


AVIF = b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miafMA1B" + bytes(4000)


@pytest.mark.parametrize("inside", ["a cover that begins like a file", "a box before its type"])
def test_an_mp4_is_one_file_whatever_it_holds(tmp_path: Path, inside: str) -> None:
    sound = encode("mp4", "aac", seconds=2)
    before = b"\0\0\0\x10free" + bytes(8)
    data = with_index_first(with_covers(sound, AVIF))
    if inside == "a box before its type":
        data = before + with_index_first(sound, moved=len(before))
    path = tmp_path / "a.m4a"
    path.write_bytes(data)
    plain = tmp_path / "plain.m4a"
    plain.write_bytes(sound)
    for medium in (path, io.BytesIO(data)):
        with AudioChain(medium) as chain, AudioChain(plain) as other:
            assert [bytes(each.packet) for each in chain.packets()] == [
                bytes(each.packet) for each in other.packets()
            ]
