"""FLAC files joined into one: FFmpeg takes the headers in the middle for sound."""

from __future__ import annotations

import re

from queue_app.sources.ogg import Readable

# The marker, and the header of STREAMINFO, which always follows (RFC 9639, sections 6 and 8.1).
_BEGINS = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
_BEGINS_BYTES = 8
# A larger file is only known to be joined when its second part is reached.
_WHOLE_BYTES = 8_000_000


class FlacCut:
    """Passes on the bytes of one file, and stops in front of the next."""

    def __init__(self) -> None:
        self.rest: bytes | None = None
        self._held = b""
        self._begun = False

    def restart(self, *, at_beginning: bool) -> None:
        self.rest, self._held, self._begun = None, b"", not at_beginning

    def pass_on(self, data: bytes) -> bytes:
        """What of `data` and of bytes held back before belongs to the file; all of it for b"", the end."""
        if not data:
            held, self._held = self._held, b""
            return held
        data = self._held + data
        self._held = b""
        for match in _BEGINS.finditer(data):
            if self._begun:
                self.rest = data[match.start() :]
                return data[: match.start()]
            self._begun = True
        safe = max(0, len(data) - _BEGINS_BYTES + 1)
        self._held = data[safe:]
        return data[:safe]


def find_files(file: Readable, size: int) -> list[tuple[int, int]] | None:
    """Where the files in a seekable file begin and end; None for a large file, of which that is not known."""
    if size > _WHOLE_BYTES:
        return None
    file.seek(0)
    data = b""
    while more := file.read(size - len(data)):
        data += more
    starts = [match.start() for match in _BEGINS.finditer(data)]
    return list(zip([0, *starts[1:]], [*starts[1:], size], strict=True)) if starts else None
