"""The section of a medium that one FFmpeg container reads."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Protocol

from library.sources.errors import SourceError
from library.sources.types import MediaFile

# Enough for an ID3v2 tag with a large cover and the first frames after it.
_HEAD_BYTES = 1_000_000
_SKIPPED_BYTES = 65_536


class Cut(Protocol):
    """Finds where the next part of a chain begins; see `ogg.OggCut` and `joined`.

    `pass_on` takes the bytes in order, b"" at the end, and returns those of this part. It may hold bytes back until a
    later call. `rest` has the bytes read from the next part, once it has begun. `is_foreign` is True once any other
    part was found, even by an early look at the end of the medium.
    """

    rest: bytes | None
    is_foreign: bool

    def restart(self, *, at_beginning: bool) -> None: ...
    def pass_on(self, data: bytes) -> bytes: ...


class Window:
    """A file for FFmpeg: the bytes of `media` from `start` to `end`, or to where `cut` finds the next part.

    `ahead` has bytes that were already read from `media`, from `start` on. FFmpeg's callbacks must not raise: PyAV
    keeps an exception until the next call returns, and prints any further one to stderr. So the first error is stored
    in `error`, and FFmpeg sees the end of the file. With `keep_head` the first megabyte stays in `head` until
    `forget_head`. `watch` gets what FFmpeg reads, and may raise SourceError.
    """

    def __init__(
        self,
        media: MediaFile,
        *,
        start: int = 0,
        end: int | None = None,
        ahead: bytes = b"",
        cut: Cut | None = None,
        sequential: bool = False,
        keep_head: bool = False,
        name: str = "",
    ) -> None:
        self.error: SourceError | None = None
        self.watch: Callable[[bytes], None] | None = None
        self.name = name  # FFmpeg uses its suffix
        self.start = start
        self.head = bytearray()
        self._media = media
        self.end = end
        self._ahead = ahead  # read from the media, but not passed to the cut yet
        self._ready = bytearray()  # passed by the cut, but not returned yet
        self._cut = cut
        self._seekable = media.seekable() and not sequential
        self._position = 0  # FFmpeg's position, relative to `start`
        self._taken = len(ahead)  # bytes read from the media since `start`, including `ahead`
        self._keeps_head = keep_head

    @property
    def is_followed(self) -> bool:
        """Whether another part was found after it."""
        return self._cut is not None and self._cut.is_foreign

    def forget_head(self) -> None:
        self._keeps_head = False
        self.head.clear()

    def following(self, cut: Cut) -> Window | None:
        """Read up to the start of the next part, and return a window for that part, None after the last one. Raises
        SourceError."""
        while self.read(_SKIPPED_BYTES):
            pass
        if self.error is not None:
            raise self.error
        if self._cut is None or self._cut.rest is None:
            return None
        rest = self._cut.rest + self._ahead
        start = self.start + self._taken - len(rest)
        return Window(self._media, start=start, ahead=rest, cut=cut, sequential=not self._seekable)

    # File

    def read(self, size: int = -1, /) -> bytes:
        if not self._ready:
            self._fill(size)
        out = bytes(self._ready[:size])
        del self._ready[:size]
        if self.watch is not None and self.error is None:
            try:
                self.watch(out)
            except SourceError as error:
                self.error = error
                self._ready.clear()
                return b""
        if self._keeps_head and self._position == len(self.head) < _HEAD_BYTES:
            self.head += out
        self._position += len(out)
        return out

    def peek(self, offset: int, count: int) -> bytes:
        """Return bytes at `offset` after the current position without moving it. All bytes up to there are kept."""
        while len(self._ready) < offset + count and self._fill(offset + count - len(self._ready)):
            pass
        return bytes(self._ready[offset : offset + count])

    def _fill(self, size: int) -> bool:
        """Read from the media until there are bytes to return. Returns False at the end."""
        while self.error is None:
            if self._cut is not None and self._cut.rest is not None:
                return False
            data = self._take(size)
            passed = data if self._cut is None else self._cut.pass_on(data)
            self._ready += passed
            if passed or not data:
                return bool(passed)
        return False

    def _take(self, size: int) -> bytes:
        if self.end is not None:
            size = min(size, self.end - self.start - self._taken + len(self._ahead))
            if size <= 0:
                return b""
        if self._ahead:
            out, self._ahead = self._ahead[:size], self._ahead[size:]
            return out
        try:
            if self._seekable and self._media.tell() != self.start + self._taken:
                self._media.seek(self.start + self._taken)  # another window of the same medium has moved it
            data = self._media.read(size)
        except SourceError as error:
            self.error = error
        except (OSError, ValueError):
            self.error = SourceError("UNREADABLE", "The file could not be read.", permanent=False)
        else:
            self._taken += len(data)
            return data
        return b""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if not self._seekable:
            return -1
        try:
            if whence == io.SEEK_END:
                end = self._media.seek(0, io.SEEK_END) if self.end is None else self.end
                base = end - self.start
            else:
                base = self._position if whence == io.SEEK_CUR else 0
            if base + offset < 0:
                return -1
            self._media.seek(self.start + base + offset)
        except SourceError as error:
            self.error = self.error or error
            return -1
        except (OSError, ValueError):
            return -1  # FFmpeg asks for impossible positions, and expects this answer
        self._position = self._taken = base + offset
        self._ahead = b""
        self._ready.clear()
        if self._cut is not None:
            self._cut.restart(at_beginning=self._position == 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seekable
