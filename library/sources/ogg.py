"""Ogg pages (RFC 3533, section 6), as far as needed to find where one part of a chained stream ends.

A chain is one Ogg stream after another. Stations begin a new stream with each song, and `cat a.ogg b.ogg` makes a
chain too. Each part has its own headers, and may have its own codec, rate and channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

CAPTURE = b"OggS"
# A first page. It also counts inside another page's body: that page was cut off where files were joined.
_BEGINNING = b"OggS\x00\x02"
_HEADER = 27
_MAX_PAGE = _HEADER + 255 + 255 * 255
_BEGINS = 2
# A file up to this size is read completely. In a larger one, _SAMPLES places are checked first.
_WHOLE_BYTES = 1_000_000
_SAMPLES = 16
# How many bytes to read to find a page: a header, if one begins there; then many that probably contain one; then so
# many that they must.
_READ_BYTES = (_HEADER + 255, 8192, 2 * _MAX_PAGE)


class Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes | None: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...


@dataclass(frozen=True, slots=True)
class Page:
    """`size` counts header and body; `begins` marks the first page of a logical stream."""

    size: int
    begins: bool
    serial: int
    sequence: int


def page_at(data: bytes | bytearray, offset: int) -> Page | None:
    """Return the page whose header begins at `offset`, None if there is none or its header is incomplete."""
    if len(data) < offset + _HEADER or not data.startswith(CAPTURE, offset) or data[offset + 4] != 0:
        return None
    table = offset + _HEADER + data[offset + 26]
    if len(data) < table:
        return None
    return Page(
        size=table - offset + sum(data[offset + _HEADER : table]),
        begins=bool(data[offset + 5] & _BEGINS),
        serial=int.from_bytes(data[offset + 14 : offset + 18], "little"),
        sequence=int.from_bytes(data[offset + 18 : offset + 22], "little"),
    )


class OggCut:
    """Passes on the bytes of one part, and stops before the page that begins the next.

    That is a first page after a page that is not a first page. `serials` are the logical streams of the part.
    `is_foreign` is True after a page of another part, which FFmpeg may read early when it seeks to the end.
    """

    def __init__(self) -> None:
        self.rest: bytes | None = None
        self.serials: set[int] = set()
        self.is_foreign = False
        self._held = b""
        self._body = 0  # bytes of the current page that are still missing
        self._begun = False

    def restart(self, *, at_beginning: bool) -> None:
        """Expect the next bytes from another position."""
        self.rest, self._held, self._body = None, b"", 0
        self._begun = not at_beginning

    def pass_on(self, data: bytes) -> bytes:
        """Return the bytes of `data`, and of those held back before, that belong to the part. b"" means the end: it
        returns all held bytes."""
        if not data:
            held, self._held = self._held, b""
            return held
        data = self._held + data
        at, self._held = _end_of_page(data, 0, self._body), b""
        while at < len(data):
            page = page_at(data, at)
            if page is not None:
                if page.begins and self._begun:
                    self.rest, self.is_foreign = data[at:], True
                    return data[:at]
                self._note(page)
                at = _end_of_page(data, at + 1, at + page.size)
                continue
            # Either an incomplete header or not a page. Hold back bytes that may begin a page.
            captured = data.startswith(CAPTURE, at)
            if captured and len(data) < at + _HEADER + 255:
                break
            found = data.find(CAPTURE, at + captured)
            if found < 0:
                at = max(at + captured, len(data) - len(CAPTURE) + 1)
                break
            at = found
        self._body = max(0, at - len(data))
        self._held = data[at:]
        return data[:at]

    def _note(self, page: Page) -> None:
        if page.begins:
            self.serials.add(page.serial)
            return
        self._begun = True
        self.is_foreign = self.is_foreign or page.serial not in self.serials


def _end_of_page(data: bytes, start: int, end: int) -> int:
    """Return the end of a page that should end at `end`: there, or at a first page before it."""
    found = data.find(_BEGINNING, start, end)
    return end if found < 0 else found


def find_parts(file: Readable, size: int) -> list[tuple[int, int]]:
    """Return `(start, end)` of each part of a seekable file, one part if it is not chained.

    Reads little of a long file unless it looks like a chain.
    """
    if size > _WHOLE_BYTES and not _looks_chained(file, size):
        return [(0, size)]
    starts: list[int] = []
    end, begun = 0, True
    begins_at = at = 0  # where the last page begins, and where the next should begin
    while True:
        found = _next_page(file, at, size)
        if found is None or found[0] != at:
            file.seek(begins_at)
            body = file.read(at - begins_at) or b""
            hidden = _end_of_page(body, 1, len(body))
            found = _next_page(file, begins_at + hidden, size) if hidden < len(body) else found
        if found is None:
            break
        begins_at, page = found
        if page.begins and begun:
            starts.append(begins_at)
        begun = not page.begins
        at = end = min(size, begins_at + page.size)
    return list(zip(starts, [*starts[1:], end], strict=True)) if starts else [(0, size)]


def _looks_chained(file: Readable, size: int) -> bool:
    """Return whether sampled pages show more than one part: a first page, another logical stream, or page numbers that
    do not increase (tools that join files keep the serial numbers, even equal ones)."""
    last: dict[int, int] = {}
    file.seek(0)
    head = file.read(8192) or b""
    at = 0
    while (page := page_at(head, at)) is not None and page.begins:
        last[page.serial] = page.sequence
        at += page.size
    for sample in range(1, _SAMPLES + 1):
        offset = min(size * sample // _SAMPLES, size - _MAX_PAGE)
        found = _next_page(file, max(at, offset), size)
        if found is None:
            continue
        _, page = found
        if page.begins or page.sequence <= last.get(page.serial, 1 << 32):
            return True
        last[page.serial] = page.sequence
    return False


def _next_page(file: Readable, offset: int, size: int) -> tuple[int, Page] | None:
    """Return the first page at or after an offset, and where it begins. Gives up after 128 KB without one."""
    if offset >= size:
        return None
    file.seek(offset)
    data = b""
    for count in _READ_BYTES:
        data += file.read(count) or b""
        at = data.find(CAPTURE)
        while at >= 0:
            page = page_at(data, at)
            if page is not None:
                return offset + at, page
            at = data.find(CAPTURE, at + 1)
    return None
