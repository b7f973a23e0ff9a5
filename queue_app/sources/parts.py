"""The containers that a medium consists of, opened one after the other.

Mostly that is one. A chained Ogg stream is several, as stations send at each song, and so are files that somebody
joined into one. FFmpeg makes no new decoder when the next of them begins: it gives up or plays noise. So each gets a
container, and with it a decoder, of its own.
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from queue_app.sources.container import AudioContainer
from queue_app.sources.errors import SourceError
from queue_app.sources.flac import FlacCut, find_files
from queue_app.sources.length import id3_size
from queue_app.sources.ogg import CAPTURE, OggCut, find_parts
from queue_app.sources.types import Media, MediaFile, media_name
from queue_app.sources.window import Cut, Window

# How far behind a tag that does not belong there, behind rubbish or behind its end a file is searched.
_SEARCHED_BYTES = 1_000_000
_MAX_ATTEMPTS = 4
# A file on a server is only searched for parts when it is this small: it is fetched for it, before anything is heard.
_FETCHED_BYTES = 256_000
# Formats that FFmpeg knows by the first bytes of a file only, and where these stand.
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
    """`open_all` begins with the first part each time; only a seekable medium can be opened more than once.

    `have_lengths` says that there are several, and that the length of each is known.
    """

    open_all: Callable[[], Iterator[AudioContainer]]
    have_lengths: bool = False


class _Opener:
    """How to open one medium. `file` is the medium, or the opened file of a path."""

    def __init__(self, media: Media, file: MediaFile, *, is_live: bool) -> None:
        self.path = media if isinstance(media, Path) else None
        self.file = file
        self.name = media_name(media)
        self.is_live = is_live
        self.head = b""  # was read to see what this is

    def parts(self) -> Parts:
        self._read_head()
        kind = self.head if self.path is None else self.read_at(id3_size(self.read_at), 16)
        if kind.startswith(CAPTURE):
            found, one_by_one = self._find(find_parts), self._ogg
        elif kind.startswith(b"fLaC"):
            found, one_by_one = self._find(find_files), self._flac
        elif kind.startswith(b"ID3"):  # on a server FLAC may follow, too far away to look
            found, one_by_one = None, self._flac
        else:
            return Parts(self._pieces)
        if found is None:
            return Parts(one_by_one)
        return Parts(lambda: self._opened(self._bounded(found)), have_lengths=len(found) > 1)

    # What this is

    def _read_head(self) -> None:
        window = Window(self.file)
        while len(self.head) < 16 and (more := window.read(16 - len(self.head))):
            self.head += more
        if window.error is not None:
            raise window.error

    def read_at(self, offset: int, count: int) -> bytes:
        """Bytes of a seekable medium. Raises SourceError."""
        window = Window(self.file, start=offset)
        window.seek(0)
        data = b""
        while len(data) < count and (more := window.read(count - len(data))):
            data += more
        if window.error is not None:
            raise window.error
        return data

    def _find(
        self, find: Callable[[MediaFile, int], list[tuple[int, int]] | None]
    ) -> list[tuple[int, int]] | None:
        if not self.file.seekable():
            return None
        try:
            size = self.file.seek(0, io.SEEK_END)
            if self.path is not None or size <= _FETCHED_BYTES:
                return find(self.file, size)
            self.file.seek(len(self.head))
        except (OSError, ValueError) as error:
            raise SourceError("UNREADABLE", "The file could not be read.", permanent=False) from error
        return None

    def _from_start(self, *, cut: Cut | None = None, sequential: bool = False) -> Window:
        ahead = self.head
        if self.file.tell() != len(ahead):
            self.file.seek(0)
            ahead = b""
        return Window(self.file, ahead=ahead, cut=cut, sequential=sequential, keep_head=not self.is_live)

    # The ways to open it

    def _opened(self, windows: Iterable[Window]) -> Iterator[AudioContainer]:
        """A window that holds no sound costs itself only, unless all are like that."""
        refusal: SourceError | None = None
        opened = False
        for window in windows:
            try:
                container = AudioContainer(window, is_live=self.is_live)
            except SourceError as error:
                if error.code != "UNDECODABLE":
                    raise
                log.info("Skipped a part of %s, from byte %d on: %s", self.name, window.start, error)
                refusal = error
            else:
                opened = True
                yield container
        if refusal is not None and not opened:
            raise refusal

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

    def _flac(self) -> Iterator[AudioContainer]:
        return self._opened(self._cut_apart(FlacCut))

    def _ogg(self) -> Iterator[AudioContainer]:
        """From a server. FFmpeg looks for the length at the end of the file, where it can. If it meets pages of
        another part there it learns none, and cannot seek, so that stream is read from front to back."""
        cut = OggCut()
        window = self._from_start(cut=cut)
        if not window.seekable():
            yield from self._opened(self._cut_apart(OggCut))
            return
        container: AudioContainer | None = None
        try:
            container = AudioContainer(window)
        except SourceError:
            if not cut.is_foreign:
                raise
        if container is None or cut.is_foreign:
            yield from self._opened(self._cut_apart(OggCut, sequential=True))
            return
        yield container
        following = window.following(OggCut())
        while following is not None:
            yield from self._opened([following])
            following = following.following(OggCut())

    def _pieces(self) -> Iterator[AudioContainer]:
        """Anything else. Behind the end of a file, or behind what cannot be read, there may be another."""
        container: AudioContainer | None
        try:
            if self.path is not None:
                container = AudioContainer(self.path)
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
        """Open what begins somewhere from that byte on."""
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


def parts_of(media: Media, file: MediaFile, *, is_live: bool) -> Parts:
    """How to open `media`; `file` is the same, or the opened file of a path. Raises SourceError."""
    return _Opener(media, file, is_live=is_live).parts()
