"""Files with so many tags that FFmpeg would take long to read them."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from library.sources import tag_limits
from library.sources.chain import AudioChain
from library.sources.errors import SourceError
from library.sources.ogg import page_at
from library.sources.probe import probe
from tests.library.made_files import encode, flac_picture, id3v2, mp3, with_checksums

SOME, MANY, VERY_MANY = 500, 2500, 15_000


class OneWay(io.BytesIO):
    """A response that arrives in few bytes at a time, and cannot seek."""

    def seekable(self) -> bool:
        return False

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(1000, 1000 if size is None or size < 0 else size))


def names(count: int) -> list[bytes]:
    return [b"K%06d" % number for number in range(count)]


def comments(count: int) -> bytes:
    reported = b"".join(struct.pack("<I", 9) + name + b"=x" for name in names(count))
    return struct.pack("<I4sI", 4, b"Moss", count) + reported


def flac_block(kind: int, data: bytes) -> bytes:
    return bytes([kind]) + len(data).to_bytes(3) + data


def flac(count: int, *, blocks: int = 1) -> bytes:
    sound = encode("flac", "flac", seconds=0.2)
    head = sound[:4] + flac_block(0, sound[8:42]) + flac_block(6, flac_picture(3, bytes(100_000)))
    block = flac_block(4, comments(count // blocks)) * blocks
    at = 42
    while not sound[at] & 0x80:
        at += 4 + int.from_bytes(sound[at + 1 : at + 4])
    return head + block + flac_block(0x81, b"") + sound[at + 4 + int.from_bytes(sound[at + 1 : at + 4]) :]


def flac_of_blocks(count: int) -> bytes:
    return flac(count, blocks=5)


def id3_frames(count: int) -> bytes:
    frames = b"".join(b"TXXX" + struct.pack(">IH", 10, 0) + b"\0" + name + b"\0x" for name in names(count))
    return b"ID3\3\0\0" + bytes(len(frames) >> shift & 127 for shift in (21, 14, 7, 0)) + frames


def chapters(count: int) -> bytes:
    """Return chapters as in audiobooks, each with a title and times."""
    frames = b""
    for number in range(count):
        title = b"TIT2" + struct.pack(">IH", 6, 0) + b"\0Psalm"
        inside = b"c%04d\0" % number + bytes(16) + title
        frames += b"CHAP" + struct.pack(">IH", len(inside), 0) + inside
    return b"ID3\3\0\0" + bytes(len(frames) >> shift & 127 for shift in (21, 14, 7, 0)) + frames + mp3()


def id3(count: int) -> bytes:
    return id3_frames(count) + mp3()


def id3_apart(count: int) -> bytes:
    return b"".join(id3_frames(count // 5) for _ in range(5)) + mp3()


def ogg(count: int, *, segments: int = 255) -> bytes:
    sound = encode("ogg", "libopus", seconds=0.2)
    first = page_at(sound, 0)
    assert first is not None
    second = page_at(sound, first.size)
    assert second is not None
    body = b"OpusTags" + comments(count)
    laces = [255] * (len(body) // 255) + [len(body) % 255]
    pages = b""
    for number, at in enumerate(range(0, len(laces), segments)):
        page = bytes(laces[at : at + segments])
        head = struct.pack("<4sBBQ4sIIB", b"OggS", 0, at > 0, 0, sound[14:18], number + 1, 0, len(page))
        pages += head + page + body[at * 255 : at * 255 + sum(page)]
    return with_checksums(bytearray(sound[: first.size] + pages + sound[first.size + second.size :]))


def ogg_of_small_pages(count: int) -> bytes:
    return ogg(count, segments=1)


def element(name: bytes, data: bytes) -> bytes:
    return name + struct.pack(">I", 1 << 28 | len(data)) + data


def matroska(count: int) -> bytes:
    sound = encode("matroska", "libopus", seconds=0.2, piped=True)
    tag = b"".join(
        element(b"\x67\xc8", element(b"\x45\xa3", name) + element(b"\x44\x87", b"x")) for name in names(count)
    )
    at = sound.index(b"\x1f\x43\xb6\x75")
    return sound[:at] + element(b"\x12\x54\xc3\x67", element(b"\x73\x73", tag)) + sound[at:]


def wav(count: int) -> bytes:
    sound = encode("wav", "pcm_s16le", seconds=0.2)
    letters = [bytes(65 + number // 26**place % 26 for place in range(4)) for number in range(count)]
    info = b"INFO" + b"".join(name + struct.pack("<I", 2) + b"x\0" for name in letters)
    return sound[:36] + b"LIST" + struct.pack("<I", len(info)) + info + sound[36:]


def box(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(data), name) + data


def mp4(count: int) -> bytes:
    sound = encode("mp4", "aac", seconds=0.2)
    at = sound.index(b"moov") - 4
    end = at + int.from_bytes(sound[at : at + 4])
    keys = struct.pack(">II", 0, count) + b"".join(box(b"mdta", name) for name in names(count))
    value = box(b"data", struct.pack(">II", 1, 0) + b"x")
    values = b"".join(box(struct.pack(">I", number + 1), value) for number in range(count))
    handler = box(b"hdlr", bytes(8) + b"mdta" + bytes(13))
    meta = box(b"meta", handler + box(b"keys", keys) + box(b"ilst", values))
    return sound[:at] + box(b"moov", sound[at + 8 : end] + meta) + sound[end:]


def caf(count: int) -> bytes:
    sound = encode("caf", "pcm_s16le", seconds=0.2)
    info = struct.pack(">I", count) + b"".join(name + b"\0x\0" for name in names(count))
    at = sound.index(b"data")
    return sound[:at] + b"info" + struct.pack(">Q", len(info)) + info + sound[at:]


COUNTED = [flac, flac_of_blocks, id3, id3_apart, ogg, ogg_of_small_pages, matroska]
# FFmpeg reads these tags while it reads the sound.
TIMED = [wav, mp4, caf]


@pytest.mark.parametrize("make", COUNTED)
def test_a_file_of_too_many_tags_is_refused(make: Callable[[int], bytes], tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(make(MANY))
    for media in (path, io.BytesIO(path.read_bytes()), OneWay(path.read_bytes())):
        with pytest.raises(SourceError, match="too many tags") as caught:
            AudioChain(media)
        assert caught.value.code == "UNREADABLE"
        assert caught.value.permanent


@pytest.mark.parametrize("make", [*COUNTED, *TIMED])
def test_a_file_of_many_tags_is_read(make: Callable[[int], bytes], tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(make(SOME))
    for media in (path, io.BytesIO(path.read_bytes())):
        with AudioChain(media) as chain:
            assert len(chain.first.tags()) >= SOME // 5
            assert next(chain.packets()).part == 0


@pytest.mark.parametrize("make", TIMED)
def test_opening_ends_when_it_took_too_much_cpu_time(
    make: Callable[[int], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tag_limits, "MAX_OPENING_SECONDS", 0.2)
    path = tmp_path / "a"
    path.write_bytes(make(VERY_MANY))
    for media in (path, io.BytesIO(path.read_bytes())):
        with pytest.raises(SourceError, match="takes too long"):
            AudioChain(media)


def test_a_comment_block_that_says_more_than_it_holds_is_no_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(flac(3).replace(b"Moss\3\0\0\0", b"Moss\xff\xff\0\0"))
    assert probe(path).duration_ms == 200


def test_a_picture_is_not_taken_for_tags() -> None:
    picture = b"\xff\xd8\xff" + bytes(range(256)) * 8000
    file = io.BytesIO(id3v2(4, title="Moss", pictures=[(3, picture)]) + mp3())
    assert probe(file).title == "Moss"


@pytest.mark.parametrize("codec", ["vorbis", "flac", "libopus"])
def test_silence_is_not_taken_for_tags(codec: str) -> None:
    silence = np.zeros(48_000 * 120, dtype=np.float32)
    file = io.BytesIO(encode("ogg", codec, samples=silence, container={"page_duration": "20000"}))
    assert probe(file).duration_ms == 120_000


def test_the_chapters_of_a_long_book_are_no_excess(tmp_path: Path) -> None:
    path = tmp_path / "book.mp3"
    path.write_bytes(chapters(1_189))
    assert probe(path).duration_ms is not None
