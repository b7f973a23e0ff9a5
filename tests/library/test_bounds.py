"""Files that are made to be expensive: how much they may cost, and what happens beyond that."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import pytest

from library.sources import requests
from library.sources.chain import AudioChain
from library.sources.errors import SourceError
from library.sources.length import id3_size
from library.sources.ogg import page_at
from library.sources.probe import probe
from tests.library.audio_server import AudioServer, Resource
from tests.library.links import look, opened
from tests.library.made_files import encode, id3v2, mp3

STEREO, MONO = (encode("ogg", "libopus", seconds=0.2, layout=layout) for layout in ("stereo", "mono"))


class OneWay(io.BytesIO):
    """A response from a server that cannot seek."""

    def seekable(self) -> bool:
        return False


def damaged(ogg: bytes) -> bytes:
    return ogg[:28] + b"Rubbish!" + ogg[36:]


def headers_of(ogg: bytes) -> bytes:
    """Return the two header pages before the sound."""
    end = 0
    for _ in range(2):
        page = page_at(ogg, end)
        assert page is not None
        end += page.size
    return ogg[:end]


def heard_ms(media: io.BytesIO) -> float:
    with AudioChain(media) as chain:
        return [packet.end_ms for packet in chain.packets()][-1]


def test_bad_parts_are_skipped_with_few_words(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert heard_ms(OneWay(STEREO + damaged(MONO) * 50 + MONO)) == pytest.approx(400, abs=30)
    assert len(caplog.records) == 3


@pytest.mark.parametrize("part", [damaged(MONO), headers_of(MONO)], ids=["bad", "silent"])
def test_nothing_but_bad_parts_is_no_sound(part: bytes) -> None:
    with pytest.raises(SourceError) as caught:
        heard_ms(OneWay(STEREO + part * 150 + MONO))
    assert caught.value.code == "UNDECODABLE"


def test_a_chain_of_very_many_parts_tells_no_length(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    path.write_bytes(MONO * 1001)
    with AudioChain(path) as chain:
        assert chain.duration_ms is None
        assert next(chain.packets()).part == 0


def test_a_huge_tag_is_passed_over_where_that_is_possible(tmp_path: Path) -> None:
    sound = mp3(seconds=2)
    path = tmp_path / "a.mp3"
    path.write_bytes(id3v2(4, title="x" * 33 * 1024**2) + sound)
    found = probe(path)
    assert found.title is None
    assert found.duration_ms == pytest.approx(2_000, abs=60)
    with pytest.raises(SourceError, match="larger than 32 MB"):
        AudioChain(OneWay(path.read_bytes()))
    path.write_bytes(id3v2(4, title="Moss" + " " * 2_000_000) + sound)
    assert probe(path).title == "Moss"


def test_tags_without_end_are_not_counted() -> None:
    read = 0

    def read_at(offset: int, count: int) -> bytes:
        nonlocal read
        read += 1
        return b"ID3\4\0\0\0\0\0\0"

    assert id3_size(read_at) == 160
    assert read == 16


def large_png(side: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(side * (1 + 3 * side)), 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_a_large_picture_is_taken_as_it_is_and_not_decoded() -> None:
    picture = large_png(2000)
    file = io.BytesIO(id3v2(4, title="Moss", pictures=[(3, picture)] * 3) + mp3())
    assert probe(file).artwork == picture
    file.seek(0)
    with AudioChain(file) as chain:
        assert [stream.width for stream in chain.first.input.streams.video] == [0, 0, 0]


def test_small_pages_take_no_request_each(server: AudioServer) -> None:
    pages = encode("ogg", "libopus", seconds=20, bit_rate=8000, container={"page_duration": "20000"})
    assert len(pages) < 256_000
    assert pages.count(b"OggS") > 900
    server.resources["/a.ogg"] = Resource(pages)
    assert look(server.url("/a.ogg")).duration_ms == 20_000
    assert len(server.requests) < 10


def test_a_file_that_takes_too_many_requests_is_given_up(
    server: AudioServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MAX_REQUESTS", 10)
    monkeypatch.setattr(requests, "MAX_REQUESTS_PER_SECOND", 0)
    server.resources["/a"] = Resource(bytes(200_000))
    media = opened(server.url("/a"))

    def jump() -> None:
        for place in (0, 190_000) * 20:
            media.seek(place)
            media.read(1)

    with pytest.raises(SourceError) as caught:
        jump()
    media.close()
    assert caught.value.permanent
    assert len(server.requests) == 10
