"""Limit how many tags a file may have, before FFmpeg reads them.

For each tag, FFmpeg searches all tags it already has. 40,000 comments in a FLAC file of half a megabyte took 15 s of
CPU time. Ten times as many take a hundred times as long, and FFmpeg cannot be interrupted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from library.sources.errors import SourceError

MAX_TAGS = 2000
# CPU time for opening one file. Most demuxers process each tag as they read it, a few thousand between two reads.
MAX_OPENING_SECONDS = 5.0
# A FLAC file's pictures are among its comments and are kept in memory.
_MAX_HEAD_BYTES = 64 * 1024**2
_FLAC_COMMENTS = 4
_LOOKED_AT_BYTES = 4096  # at least, so that a server that sends single bytes cannot split every pattern
_OGG, _MATROSKA = b"OggS", b"\x1aE\xdf\xa3"
# The name of a frame (FFmpeg accepts any that begins with T) and the first byte of its size. Pictures have few matches
# by chance. A chapter is not counted itself, but the title inside it is.
_ID3_FRAMES = {
    length: re.compile(rb"(?:T(?:\xff\0|[^\0]){%d}|(?!CHAP)[A-Z][A-Z0-9]{%d})\0" % (length - 1, length - 1))
    for length in (3, 4)
}
# Of these formats FFmpeg reads all tags before it processes any. In Matroska (RFC 9559) each tag has a TagName element.
_TAG_NAME = b"\x45\xa3"
_PAGE_HEADER = re.compile(rb"OggS\0[\s\S]{22}\xff*")

type Peek = Callable[[int, int], bytes]


def check_head(peek: Peek) -> None:
    """Raises SourceError for a file that begins with more than `MAX_TAGS` ID3v2 frames or FLAC comments (RFC 9639,
    section 8), because FFmpeg processes them without another read. `peek(offset, count)` returns bytes of the file."""
    at = count = 0
    while size := tag_size(peek(at, 10)):
        frame = _ID3_FRAMES[3 if peek(at + 3, 1) == b"\2" else 4]
        count = _counted(count + 1 + len(frame.findall(peek(at, _bounded(at + size) - at))))
        at += size
    if peek(at, 4) != b"fLaC":
        return
    at += 4
    while len(block := peek(at, 8)) == 8:
        size, vendor = int.from_bytes(block[1:4]), int.from_bytes(block[4:], "little")
        count = _counted(count + 1)
        if block[0] & 0x7F == _FLAC_COMMENTS and vendor + 8 <= size:
            stated = int.from_bytes(peek(at + 8 + vendor, 4), "little")
            count = _counted(count + min(stated, size // 4))
        if block[0] & 0x80:
            return
        at = _bounded(at + 4 + size)


def _counted(count: int) -> int:
    if count > MAX_TAGS:
        raise SourceError("UNREADABLE", "This file has too many tags.", permanent=True)
    return count


def _bounded(at: int) -> int:
    if at > _MAX_HEAD_BYTES:
        detail = f"The tags before the sound are larger than {_MAX_HEAD_BYTES // 1024**2} MB."
        raise SourceError("UNREADABLE", detail, permanent=True)
    return at


def tag_size(head: bytes) -> int:
    """Return the size of the ID3v2 tag with these first ten bytes, 0 if it is not one (id3v2.4.0-structure, 3.1)."""
    if len(head) < 10 or not head.startswith(b"ID3") or max(head[6:10]) > 0x7F:
        return 0
    length = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + length + (10 if head[5] & 0x10 else 0)


def count_comments(data: bytes) -> int:
    """Return how many Vorbis comments there may be: before the "=" of each come two zeros, the upper half of its
    length. Silence has many zeros but few "="."""
    return sum(b"\0\0" in piece for piece in data.split(b"=")[:-1])


class OpeningWatch:
    """Checks the bytes that FFmpeg reads while it opens a file, on the thread that opens it."""

    def __init__(self) -> None:
        self._until = time.thread_time() + MAX_OPENING_SECONDS
        self._held = b""
        self._formats: set[bytes] = set()
        self._count = 0

    def look(self, data: bytes) -> None:
        """Raises SourceError when there are too many tags, or opening took too much CPU time."""
        if time.thread_time() > self._until:
            raise SourceError("UNREADABLE", "Opening this file takes too long.", permanent=False)
        self._held += data
        if len(self._held) < _LOOKED_AT_BYTES:
            return
        data, self._held = self._held, b""
        self._formats.update(magic for magic in (_OGG, _MATROSKA) if magic in data)
        if _OGG in self._formats:
            self._count += count_comments(_PAGE_HEADER.sub(b"", data))
        if _MATROSKA in self._formats:
            self._count += data.count(_TAG_NAME)
        _counted(self._count)
