"""The containers that a medium consists of, opened one after another.

Usually there is one. There are several in a chained Ogg stream, as stations send with each song, and in a file that was
joined from several. FFmpeg does not create a new decoder when the next part begins: it gives up or plays noise. So each
part gets its own container, and with it its own decoder.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from library.sources.container import AudioContainer
from library.sources.errors import SourceError
from library.sources.joined import (
    MOV_BOXES,
    TS_SYNC,
    FlacCut,
    FrameCut,
    MatroskaCut,
    MovCut,
    TsCut,
    find_joined,
    first_beginning,
    frame_at,
)
from library.sources.length import MAX_TAGS, id3_size, known_length_ms
from library.sources.ogg import CAPTURE, OggCut, find_parts
from library.sources.tag_limits import tag_size
from library.sources.types import Media, MediaFile, media_name
from library.sources.window import Cut, Window

# How many bytes are searched for a beginning after a misplaced tag, after unreadable data, or after a file's end.
_SEARCHED_BYTES = 1_000_000
_MAX_ATTEMPTS = 4
# A file on a server is only searched for parts up to this size, because it is downloaded before playback starts.
_FETCHED_BYTES = 256_000
# How many bytes are read to recognize a format: a packet of a transport stream and one more byte.
_BEGINNING_BYTES = 189
# Longer tags before a file on a server are left to FFmpeg.
_TAG_BYTES = 4_000_000
# A longer tag is always skipped, because FFmpeg would read it into memory.
_MAX_TAG_BYTES = 32 * 1024**2
# The length of a chain with more parts stays unknown, because each part would have to be opened.
_MAX_PARTS = 1000
# After so many consecutive parts that cannot be decoded, the track fails.
_MAX_BAD_PARTS = 100
_LOGGED_PARTS = 3
# How many bytes at the start of a file are searched for its beginning.
_RUBBISH_BYTES = 65_536
# FFmpeg reads the tags before these.
_TAGGED = (FlacCut, FrameCut)
# Formats that FFmpeg recognizes only by the first bytes of a file, with the offset of these bytes.
_BEGINNINGS = (
    (CAPTURE, 0),
    (b"fLaC", 0),
    (b"RIFF", 0),
    (b"FORM", 0),
    (b"ftyp", 4),
    (b"\x1aE\xdf\xa3", 0),  # Matroska
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", 0),  # ASF
    (b"wvpk", 0),
    (b"caff", 0),
    (b"TTA1", 0),
    (b"MAC ", 0),
    (b"MPCK", 0),
    (b"DSD ", 0),
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """`open_all` starts with the first part each time. Only a seekable medium can be opened more than once.

    `length_ms` is set if there are several parts with known ends. It returns the length of one part, None if unknown.
    """

    open_all: Callable[[], Iterator[AudioContainer]]
    length_ms: Callable[[AudioContainer], int | None] | None = None


class _Opener:
    """Opens one medium. `file` is the medium, or the opened file if the medium is a path."""

    def __init__(self, media: Media, file: MediaFile, *, is_live: bool) -> None:
        self.path = media if isinstance(media, Path) else None
        self.file = file
        self.name = media_name(media)
        self.is_live = is_live
        self.head = b""  # what was read to recognize the format
        self.start = 0  # FFmpeg should not see the bytes before, which are not sound
        self._bad = self._bad_in_a_row = 0

    def parts(self) -> Parts:
        tags = self._tags_size()
        if tags > _MAX_TAG_BYTES:
            return Parts(lambda: self._opened([self._behind_tag(tags)]))
        new_cut = self._recognize(tags)
        if new_cut is None:
            return Parts(self._pieces)
        found = self._find(new_cut)
        if found is not None and len(found) > _MAX_PARTS:
            return Parts(lambda: self._one_by_one(new_cut))
        if found is not None and len(found) > 1:
            return Parts(lambda: self._opened(self._bounded(found)), self._length_ms)
        if new_cut is OggCut and found is not None:
            return Parts(lambda: self._opened(self._bounded(found)))
        if found is not None and self.path is not None:
            return Parts(self._pieces)
        return Parts(lambda: self._one_by_one(new_cut))

    # Recognizing the format

    def _recognize(self, tags: int) -> Callable[[], Cut] | None:
        """Return the cut that finds the ends of files in this medium, None to use `_pieces`. Sets `start`."""
        if self.path is None and tags > _TAG_BYTES:
            return None
        beginning = self._peek(tags, _BEGINNING_BYTES)
        new_cut = _cut_for(beginning)
        if new_cut is not None:
            if new_cut not in _TAGGED:
                self.start = tags
            return new_cut
        if self.is_live or any(beginning.startswith(magic, at) for magic, at in _BEGINNINGS):
            return None
        if beginning[4:8] in MOV_BOXES:  # its offsets include the bytes before its `ftyp`
            return None
        data = self._peek(tags, _RUBBISH_BYTES)
        place = first_beginning(data)
        if place is None:
            return None
        self.start = tags + place
        return _cut_for(data[place : place + _BEGINNING_BYTES])

    def _tags_size(self) -> int:
        if self.path is not None:
            return id3_size(self.read_at)
        at = 0
        for _ in range(MAX_TAGS):
            size = tag_size(self._peek(at, 10)) if at <= _TAG_BYTES else 0
            if not size:
                break
            at += size
        return at

    def _peek(self, offset: int, count: int) -> bytes:
        """Return bytes from the beginning. Those from a server are kept in `head`, because FFmpeg needs them again."""
        if self.path is not None:
            return self.read_at(offset, count)
        window = Window(self.file, start=len(self.head))
        while (wanted := offset + count - len(self.head)) > 0 and (more := window.read(wanted)):
            self.head += more
        if window.error is not None:
            raise window.error
        return self.head[offset : offset + count]

    def read_at(self, offset: int, count: int) -> bytes:
        """Return bytes of a seekable medium. Raises SourceError."""
        window = Window(self.file, start=offset)
        window.seek(0)
        data = b""
        while len(data) < count and (more := window.read(count - len(data))):
            data += more
        if window.error is not None:
            raise window.error
        return data

    def _find(self, new_cut: Callable[[], Cut]) -> list[tuple[int, int]] | None:
        if not self.file.seekable():
            return None
        try:
            size = self.file.seek(0, io.SEEK_END)
            if self.path is None and size > _FETCHED_BYTES:
                self.file.seek(len(self.head))
                return None
        except (OSError, ValueError) as error:
            raise SourceError("UNREADABLE", "The file could not be read.", permanent=False) from error
        if self.path is None:
            # The search for parts jumps back and forth, and each jump would be a request.
            self.file = io.BytesIO(self.read_at(0, size))
        size -= self.start
        window = Window(self.file, start=self.start)
        found = find_parts(window, size) if new_cut is OggCut else find_joined(new_cut, window, size)
        if window.error is not None:
            raise window.error
        return None if found is None else [(self.start + start, self.start + end) for start, end in found]

    def _length_ms(self, part: AudioContainer) -> int | None:
        """Return the length of a part whose end is known, None if its file does not have it."""
        window = part.window
        if window is None or window.end is None:
            return None
        size = window.end - window.start
        return known_length_ms(
            part, read_at=lambda at, count: self.read_at(window.start + at, count), size=size
        )

    def _from_start(self, *, cut: Cut | None = None, sequential: bool = False) -> Window:
        ahead = self.head[self.start :]
        if self.file.tell() != len(self.head):
            self.file.seek(self.start)
            ahead = b""
        return Window(
            self.file,
            start=self.start,
            ahead=ahead,
            cut=cut,
            sequential=sequential,
            keep_head=not self.is_live,
        )

    # Ways to open it

    def _opened(self, windows: Iterable[Window]) -> Iterator[AudioContainer]:
        """Yield a container for each window, skipping those without sound. Raises SourceError if all are like that."""
        refusal: SourceError | None = None
        opened = False
        for window in windows:
            try:
                container = AudioContainer(window, is_live=self.is_live)
            except SourceError as error:
                if error.code != "UNDECODABLE":
                    raise
                self._skip(window, error)
                refusal = error
            else:
                opened, self._bad_in_a_row = True, 0
                yield container
        if refusal is not None and not opened:
            raise refusal

    def _skip(self, window: Window, error: SourceError) -> None:
        """Count a bad part. Raises SourceError after more than _MAX_BAD_PARTS consecutive ones."""
        self._bad += 1
        self._bad_in_a_row += 1
        if self._bad <= _LOGGED_PARTS:
            last = " (later ones are not logged)" if self._bad == _LOGGED_PARTS else ""
            log.info("Skipped damaged data in %s at byte %d: %s%s", self.name, window.start, error, last)
        if self._bad_in_a_row > _MAX_BAD_PARTS:
            raise error

    def _behind_tag(self, tag: int) -> Window:
        if not self.file.seekable():
            detail = f"The tag before the sound is larger than {_MAX_TAG_BYTES // 1024**2} MB."
            raise SourceError("UNDECODABLE", detail, permanent=True)
        window = Window(self.file, start=tag)
        window.seek(0)
        return window

    def _bounded(self, parts: list[tuple[int, int]]) -> Iterator[Window]:
        for start, end in parts:
            window = Window(self.file, start=start, end=end)
            window.seek(0)
            yield window

    def _cut_apart(self, new_cut: Callable[[], Cut], *, sequential: bool = False) -> Iterator[Window]:
        window: Window | None = self._from_start(cut=new_cut(), sequential=sequential)
        while window is not None:
            yield window
            window = window.following(new_cut())

    def _one_by_one(self, new_cut: Callable[[], Cut]) -> Iterator[AudioContainer]:
        """Open a large file, or one from a server. If it can, FFmpeg looks for the length of Ogg and transport streams
        at the end. If it finds another part there, it gets no length and cannot seek, so these are read from front to
        back."""
        cut = new_cut()
        window = self._from_start(cut=cut)
        if not window.seekable() or not isinstance(cut, OggCut | TsCut):
            yield from self._opened(self._cut_apart(new_cut))
            return
        container: AudioContainer | None = None
        try:
            container = AudioContainer(window)
        except SourceError:
            if not cut.is_foreign:
                raise
        if container is None or cut.is_foreign:
            yield from self._opened(self._cut_apart(new_cut, sequential=True))
            return
        yield container
        following = window.following(new_cut())
        while following is not None:
            yield from self._opened([following])
            following = following.following(new_cut())

    def _pieces(self) -> Iterator[AudioContainer]:
        """Open any other format. After a file's end, or after unreadable data, there may be another file."""
        container: AudioContainer | None
        try:
            if self.path is not None:
                container = AudioContainer(Window(self.file, name=self.name), is_whole=True)
            else:
                container = AudioContainer(self._from_start(), is_live=self.is_live)
        except SourceError as error:
            if error.code != "UNDECODABLE" or not self.file.seekable():
                raise
            container = self._search(id3_size(self.read_at) or 1)
            if container is None:
                raise
        while container is not None:
            yield container
            if self.path is None or container.last_byte is None:
                return
            container = self._search(container.last_byte + 1)

    def _search(self, offset: int) -> AudioContainer | None:
        """Open the next file that begins at or after that byte. Returns None if there is none."""
        data = self.read_at(offset, _SEARCHED_BYTES)
        places = {
            match.start() - back
            for beginning, back in _BEGINNINGS
            for match in re.finditer(re.escape(beginning), data)
            if match.start() >= back
        }
        for place in sorted(places)[:_MAX_ATTEMPTS]:
            window = Window(self.file, start=offset + place)
            window.seek(0)
            try:
                return AudioContainer(window)
            except SourceError as error:
                if error.code != "UNDECODABLE":
                    raise
        return None


def _cut_for(beginning: bytes) -> Callable[[], Cut] | None:
    """Return the cut for a file with this beginning, None to use `_pieces`."""
    if beginning.startswith(CAPTURE):
        return OggCut
    if beginning.startswith(b"fLaC"):
        return FlacCut
    if beginning.startswith(b"\x1aE\xdf\xa3"):
        return MatroskaCut
    if beginning[4:8] == b"ftyp":
        return MovCut
    if len(beginning) == _BEGINNING_BYTES and beginning[0] == beginning[188] == TS_SYNC:
        return TsCut
    if len(beginning) >= 10 and frame_at(beginning, 0) is not None:
        return FrameCut
    return None


def parts_of(media: Media, file: MediaFile, *, is_live: bool) -> Parts:
    """Return how to open `media`. `file` is `media` itself, or the opened file of a path. Raises SourceError."""
    return _Opener(media, file, is_live=is_live).parts()
