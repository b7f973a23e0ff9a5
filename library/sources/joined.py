"""Find where the next file begins in a file that was joined from several, as `cat a b` does.

FFmpeg treats the headers in the middle as sound, or skips them and continues to decode with the first file's settings.
For Ogg see `ogg`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from library.sources.ogg import Readable
from library.sources.tag_limits import tag_size
from library.sources.window import Cut

# The top-level boxes of an MP4 or QuickTime file.
MOV_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"pdin", b"pnot"}

# In a larger file, a second part is only found when it is reached.
_WHOLE_BYTES = 8_000_000
_READ_BYTES = 262_144


class HeaderCut:
    """Passes on the bytes of one file, and stops before the header of the next.

    `header` matches the start of each file of a format, in at most `header_size` bytes, and nothing else.
    """

    header: re.Pattern[bytes]
    header_size: int

    def __init__(self) -> None:
        self.rest: bytes | None = None
        self.is_foreign = False
        self._held = b""
        self._begun = False

    def restart(self, *, at_beginning: bool) -> None:
        self.rest, self._held, self._begun = None, b"", not at_beginning

    def pass_on(self, data: bytes) -> bytes:
        if not data:
            held, self._held = self._held, b""
            return held
        data = self._held + data
        safe = max(0, len(data) - self.header_size + 1)
        for match in self.header.finditer(data):
            if self._begun:
                self.rest, self.is_foreign, self._held = data[match.start() :], True, b""
                return data[: match.start()]
            self._begun = True
            safe = max(safe, match.end())
        self._held = data[safe:]
        return data[:safe]


class FlacCut(HeaderCut):
    # The marker, and the header of STREAMINFO, which always follows (RFC 9639, sections 6 and 8.1).
    header = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
    header_size = 8


class MatroskaCut(HeaderCut):
    # The EBML header with its DocType (RFC 8794, section 11.2), also that of WebM.
    header = re.compile(rb"\x1aE\xdf\xa3(?s:.){1,64}?B\x82(?:\x84webm|\x88matroska)")
    header_size = 80


class MovCut(HeaderCut):
    # A small `ftyp` box with a brand (ISO 14496-12, section 4.3) that is not a picture's: covers may begin like this.
    header = re.compile(rb"\0\0\0[\x10-\xff]ftyp(?!avi[fs]|hei[cmsx]|hev[cmsx]|m[is]f1|jp[2mx] )[ -~]{4}")
    header_size = 12


class FrameCut:
    """Passes on MPEG audio (MP1 to MP3) or AAC in ADTS, and stops before frames of the other kind.

    A change of rate or channels within a kind is not a cut: every frame has a header, and decoders adapt.
    """

    def __init__(self) -> None:
        self.rest: bytes | None = None
        self.is_foreign = False
        self._kind = ""
        self._held = b""
        self._left = 0  # bytes of the current frame or tag that are still missing
        self._in_step = False  # the previous frame ended here

    def restart(self, *, at_beginning: bool) -> None:
        self.rest, self._held, self._left, self._in_step = None, b"", 0, False
        if at_beginning:
            self._kind = ""

    def pass_on(self, data: bytes) -> bytes:
        if not data:
            held, self._held = self._held, b""
            return held
        data, self._held = self._held + data, b""
        at, self._left = self._left, 0
        while at + _FRAME_HEAD <= len(data):
            if tag := tag_size(data[at : at + _FRAME_HEAD]):
                at += tag
                continue
            frame = frame_at(data, at)
            if frame is None:
                self._in_step = False
                found = _MAY_BEGIN.search(data, at + 1)
                at = found.start() if found else len(data) - 2
                continue
            if not self._in_step or frame.kind != self._kind:
                behind = at + frame.size
                if behind + _FRAME_HEAD > len(data):
                    break
                following = frame_at(data, behind)
                if following is None or following.like != frame.like:
                    at += 1  # not a frame, or the last one before damaged data
                    self._in_step = False
                    continue
                if self._kind and frame.kind != self._kind:
                    self.rest, self.is_foreign = data[at:], True
                    return data[:at]
                self._kind, self._in_step = frame.kind, True
            at += frame.size
        self._left = max(0, at - len(data))
        self._held = data[at:]
        return data[:at]


@dataclass(frozen=True, slots=True)
class Frame:
    """`like` has the header bits that are usually the same in the next frame."""

    kind: str
    size: int
    like: tuple[int, int]


# The size of the longest header, including that of an ID3v2 tag.
_FRAME_HEAD = 10
_MAY_BEGIN = re.compile(rb"\xff[\xe0-\xff]|ID3")
# Kilobits per second by bit rate index (ISO 11172-3, 2.4.2.3, and 13818-3): MPEG-1 layers I to III, then MPEG-2.
_BIT_RATES = {
    (1, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def frame_at(data: bytes, at: int) -> Frame | None:
    """Return the frame whose header begins at `at`. None if there is none, or for free formats. Needs ten bytes."""
    if data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    if data[at + 1] & 0xF6 == 0xF0:
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        if data[at + 2] >> 2 & 15 > 12 or size < 7:
            return None
        return Frame("adts", size, (data[at + 1], data[at + 2] & 0xFC))
    version, layer, rate = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3), data[at + 2] >> 2 & 3
    if version == 1 or layer == 4 or rate == 3 or not 0 < data[at + 2] >> 4 < 15:
        return None
    sample_rate = (44_100, 48_000, 32_000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bit_rate = 1000 * _BIT_RATES[1 if version == 3 else 2, layer][data[at + 2] >> 4]
    padding = data[at + 2] >> 1 & 1
    if layer == 1:
        size = (12 * bit_rate // sample_rate + padding) * 4
    else:
        size = (72 if layer == 3 and version != 3 else 144) * bit_rate // sample_rate + padding
    return Frame("mpeg", size, (data[at + 1], data[at + 2] & 0x0C))


class TsCut:
    """Passes on an MPEG transport stream, and stops before tables (PAT and PMT, ISO 13818-1, section 2.4.4) that
    announce other streams than its own. FFmpeg ignores a new table with the same version."""

    def __init__(self) -> None:
        self.rest: bytes | None = None
        self.is_foreign = False
        self._held = b""
        self._tables: dict[int, bytes] = {}  # by PID; that of the PAT is 0

    def restart(self, *, at_beginning: bool) -> None:
        self.rest, self._held = None, b""
        if at_beginning:
            self._tables.clear()

    def pass_on(self, data: bytes) -> bytes:
        if not data:
            held, self._held = self._held, b""
            return held
        data, self._held = self._held + data, b""
        at = 0
        held_from: int | None = None  # where a PAT begins, until the PMT after it is known
        while at + TS_PACKET < len(data):
            if data[at] != TS_SYNC or data[at + TS_PACKET] != TS_SYNC:
                found = data.find(TS_SYNC, at + 1, len(data) - TS_PACKET)
                at = found if found >= 0 else len(data) - TS_PACKET
                continue
            pid = (data[at + 1] & 0x1F) << 8 | data[at + 2]
            table = _table(data[at : at + TS_PACKET], pid, self._tables.get(0, b""))
            if table is not None:
                if self._tables.setdefault(pid, table) != table:
                    begins = at if held_from is None else held_from
                    self.rest, self.is_foreign = data[begins:], True
                    return data[:begins]
                held_from = at if pid == 0 else None
            at += TS_PACKET
            if held_from is not None and at - held_from > _TABLES_APART * TS_PACKET:
                held_from = None
        safe = at if held_from is None else held_from
        self._held = data[safe:]
        return data[:safe]


TS_PACKET, TS_SYNC = 188, 0x47
_TABLES_APART = 64


def _table(packet: bytes, pid: int, programs: bytes) -> bytes | None:
    """Return the content of a packet's PAT or PMT without version and checksum, as far as it is in the packet."""
    if not packet[1] & 0x40 or not packet[3] & 0x10:
        return None
    if pid and pid not in {
        (programs[at + 2] & 0x1F) << 8 | programs[at + 3] for at in range(0, len(programs) - 3, 4)
    }:
        return None
    at = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
    if at >= TS_PACKET:
        return None
    at += 1 + packet[at]  # skip the pointer to the start of the section
    section = packet[at:]
    if len(section) < 12 or section[0] != (2 if pid else 0):
        return None
    length = 3 + ((section[1] & 0x0F) << 8 | section[2])
    return section[12 if pid else 8 : max(0, length - 4)]


def find_joined(new_cut: Callable[[], Cut], file: Readable, size: int) -> list[tuple[int, int]] | None:
    """Return `(start, end)` of each file in a seekable file. None for a large file, which is not searched."""
    if size > _WHOLE_BYTES:
        return None
    file.seek(0)
    starts, cut, passed = [0], new_cut(), 0
    while data := file.read(_READ_BYTES):
        passed += len(data)
        cut.pass_on(data)
        while cut.rest is not None:
            rest, cut = cut.rest, new_cut()
            starts.append(passed - len(rest))
            cut.pass_on(rest)
    return list(zip(starts, [*starts[1:], size], strict=True))


def first_beginning(data: bytes) -> int | None:
    """Return where a file begins after garbage: at a header, or at the first of three frames."""
    headers = (_OGG, *(cut.header for cut in (FlacCut, MatroskaCut, MovCut)))
    places = [match.start() for header in headers if (match := header.search(data))]
    end = min(places, default=len(data))
    for found in _MAY_BEGIN.finditer(data, 0, end):
        if _has_frames(data, found.start(), 3):
            return found.start()
    return min(places, default=None)


def _has_frames(data: bytes, at: int, count: int) -> bool:
    like: tuple[int, int] | None = None
    for _ in range(count):
        frame = frame_at(data, at) if at + _FRAME_HEAD <= len(data) else None
        if frame is None or frame.like != (like or frame.like):
            return False
        like, at = frame.like, at + frame.size
    return True


# A first page, at position 0 (RFC 3533, section 6).
_OGG = re.compile(rb"OggS\x00\x02\x00{8}")
