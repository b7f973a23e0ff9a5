"""Recognize a file's audio when its name and tags have changed.

The hash covers the first and the last megabyte of the audio, and its length. It leaves out what programs for tags
change: the tags of MP3 and its relatives at both ends, FLAC's metadata blocks, the header pages of Ogg and the numbers
of its pages, and everything beside the sound in MP4, WAV and AIFF. FFmpeg finds the sound of other formats. That takes
longer, so only their first megabyte is read.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from library.sources.container import AudioContainer
from library.sources.length import id3_size
from library.sources.ogg import CAPTURE, page_at
from library.sources.window import Window

PART_BYTES = 1_000_000
_OGG_TAIL_BYTES = 1_400_000  # has a megabyte of sound even if there is one small packet on each page
_MAX_PAGE = 27 + 255 + 255 * 255
_MAX_BLOCKS = 10_000  # of a file's structure
_OTHERS = (b"\x1aE\xdf\xa3", b"\x30\x26\xb2\x75", b"caff", b"DSD ")  # Matroska, ASF, CAF, DSF

type Span = tuple[int, int]
type ReadAt = Callable[[int, int], bytes]


def audio_hash(path: Path) -> str:
    """Return 26 characters of base32: 128 bits of a hash of the file's audio. Raises OSError and SourceError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size

        def read_at(offset: int, count: int) -> bytes:
            file.seek(offset)
            return file.read(count)

        start = id3_size(read_at)
        head = read_at(start, 12)
        digest = hashlib.blake2b(digest_size=16)
        if head.startswith(CAPTURE):
            _hash_ogg(digest.update, file, size)
        elif head.startswith(_OTHERS):
            _hash_packets(digest.update, file)
        else:
            _hash_span(digest.update, read_at, _find_span(read_at, start, size, head))
    return base64.b32encode(digest.digest()).decode("ascii").lower()[:26]


type Update = Callable[[bytes], object]


def _hash_span(update: Update, read_at: ReadAt, span: Span) -> None:
    start, end = span
    length = max(0, end - start)
    update(b"%d:" % length)
    update(read_at(start, min(length, PART_BYTES)))
    if length > PART_BYTES:
        rest = min(length - PART_BYTES, PART_BYTES)
        update(read_at(end - rest, rest))


def _find_span(read_at: ReadAt, start: int, size: int, head: bytes) -> Span:
    """Return where the audio begins and ends."""
    if head.startswith(b"fLaC"):
        return _after_flac_blocks(read_at, start + 4), _before_tags(read_at, start, size)
    if head.startswith((b"RIFF", b"RF64")):
        return _chunk(read_at, size, b"data", "little") or (start, size)
    if head.startswith(b"FORM"):
        return _chunk(read_at, size, b"SSND", "big") or (start, size)
    if head[4:8] == b"ftyp":
        return _media_box(read_at, size) or (start, size)
    return start, _before_tags(read_at, start, size)


def _before_tags(read_at: ReadAt, start: int, end: int) -> int:
    """Return where the audio ends before ID3v1, Lyrics3 and APE tags."""
    for _ in range(3):
        if read_at(end - 128, 3) == b"TAG":
            end -= 128
        footer = read_at(max(start, end - 32), 32)
        if footer.startswith(b"APETAGEX"):
            has_header = bool(footer[23] & 0x80)
            end -= int.from_bytes(footer[12:16], "little") + (32 if has_header else 0)
        if footer.endswith(b"LYRICS200") and footer[-15:-9].isdigit():
            end -= int(footer[-15:-9]) + 15
        end = max(start, end)
    return end


def _after_flac_blocks(read_at: ReadAt, at: int) -> int:
    for _ in range(_MAX_BLOCKS):
        block = read_at(at, 4)
        if len(block) < 4:
            return at
        at += 4 + int.from_bytes(block[1:])
        if block[0] & 0x80:
            return at
    return at


def _chunk(read_at: ReadAt, size: int, name: bytes, order: str) -> Span | None:
    """Return the content of a chunk of RIFF or IFF."""
    at = 12
    for _ in range(_MAX_BLOCKS):
        head = read_at(at, 8)
        if len(head) < 8:
            return None
        length = int.from_bytes(head[4:], "little" if order == "little" else "big")
        if head[:4] == name:
            return at + 8, min(size, at + 8 + length)
        at += 8 + length + (length & 1)
    return None


def _media_box(read_at: ReadAt, size: int) -> Span | None:
    """Return the content of the largest `mdat` box (ISO 14496-12, section 8.1.1)."""
    at, found = 0, None
    for _ in range(_MAX_BLOCKS):
        head = read_at(at, 16)
        if len(head) < 16:
            break
        length, begin = int.from_bytes(head[:4]), 8
        if length == 1:
            length, begin = int.from_bytes(head[8:]), 16
        length = length or size - at
        if length < begin:
            break
        if head[4:8] == b"mdat" and (found is None or length > found[1] - found[0]):
            found = at + begin, min(size, at + length)
        at += length
    return found


def _hash_ogg(update: Update, file: BinaryIO, size: int) -> None:
    """Hash the bodies of pages with sound. Header pages have the position 0 (RFC 7845, section 3)."""
    taken = 0
    for _, body in _sound_pages(file, 0, size):
        update(body[: PART_BYTES - taken])
        taken += len(body)
        if taken >= PART_BYTES:
            break
    begin = max(0, size - _OGG_TAIL_BYTES)
    file.seek(begin)
    begin += max(0, file.read(2 * _MAX_PAGE).find(CAPTURE)) if begin else 0
    tail = list(_sound_pages(file, begin, size))
    update(b"".join(body for _, body in tail)[-PART_BYTES:])
    update(b":%d" % max((position for position, _ in tail), default=0))


def _sound_pages(file: BinaryIO, at: int, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield the position and body of each page from the one at `at`, without the header pages."""
    while at < size:
        file.seek(at)
        data = file.read(27 + 255)
        page = page_at(data, 0)
        if page is None:
            return
        position = int.from_bytes(data[6:14], "little", signed=True)
        if position > 0:
            head = 27 + data[26]
            file.seek(at + head)
            yield position, file.read(page.size - head)
        at += page.size


def _hash_packets(update: Update, file: BinaryIO) -> None:
    file.seek(0)
    with AudioContainer(Window(file), is_whole=True) as container:
        update(b"%d:" % (container.duration_ms or 0))
        taken = 0
        for packet in container.packets():
            update(bytes(packet))
            taken += packet.size
            if taken >= PART_BYTES:
                return
