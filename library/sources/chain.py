"""A track as one sequence of packets, whatever parts it consists of (see `parts`)."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from library.sources.container import AudioContainer, AudioPacket
from library.sources.errors import SourceError
from library.sources.length import known_length_ms
from library.sources.parts import parts_of
from library.sources.types import Media, MediaFile, media_name

# A timestamp that jumps forward or back by more than this is not a gap in the sound but a new beginning.
_LEAP_MS, _BACK_MS = 1000.0, 100.0
_MAX_SILENT_PARTS = 100
# How much of the end is read to check that it belongs to the first file.
_TAIL_MS = 500

log = logging.getLogger(__name__)


@dataclass(slots=True)  # not frozen, which is slower: there are fifty per second
class ChainPacket:
    """`position_ms` and `end_ms` are in the track's time, which is the container's own time plus `shift_ms`.
    `part` counts beginnings. When it changes, the decoder must start without its earlier state."""

    packet: AudioPacket
    container: AudioContainer
    part: int
    position_ms: float
    end_ms: float
    shift_ms: float


class AudioChain:
    """Reads a path or file-like, which the caller closes. Not for use from two threads at a time.

    The tags and pictures of `first` are the track's. `reached_ms` is where the last packet ended by its timestamp,
    gaps included.
    """

    def __init__(self, media: Media) -> None:
        """Raises SourceError. Blocks until enough of `media` has been read."""
        self.is_live: bool = bool(getattr(media, "is_live", False))
        self.name = media_name(media)
        self.reached_ms = 0.0
        self._part_ms = 0.0  # where the container begins
        self._leap_ms = 0.0  # the sum of the jumps of its timestamps since
        self._end_ms: float | None = None  # of the last packet
        self._part = 0
        self._moved_on = False  # past the first container
        self._media = media
        self._container: AudioContainer | None = None
        self._file = _open_file(media) if isinstance(media, Path) else media
        try:
            self._parts = parts_of(media, self._file, is_live=self.is_live)
            self._following = self._parts.open_all()
            self.first = self._container = self._open_first()
            self._first_length_ms = None if self.is_live else self._find_length()
        except BaseException:
            self.close()
            raise
        if self.first.window is not None:
            self.first.window.forget_head()

    @cached_property
    def duration_ms(self) -> int | None:
        """The length according to the file, None if unknown. Opens every part of a chain."""
        length_of = self._parts.length_ms
        if length_of is None:
            return self._first_length_ms
        total_ms = 0
        for part in self._parts.open_all():
            length_ms = length_of(part)
            if length_ms is None:
                return None
            total_ms += length_ms
        return total_ms

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
        if isinstance(self._media, Path):
            self._file.close()

    def __enter__(self) -> AudioChain:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def packets(self) -> Iterator[ChainPacket]:
        """Yield packets from the current position on, through all parts. Raises SourceError, also if bytes are missing
        but FFmpeg only saw an end of file. A damaged part is skipped."""
        container: AudioContainer | None = self._container
        silent = 0  # consecutive parts without packets
        while container is not None:
            error: SourceError | None = None
            silent += 1
            try:
                for packet in container.packets():
                    silent = 0
                    yield self._place(packet, container)
            except SourceError as caught:
                if caught.code != "UNDECODABLE":
                    raise
                error = caught
            if silent > _MAX_SILENT_PARTS:
                raise SourceError("UNDECODABLE", "There is no sound in this file.", permanent=True)
            following = next(self._following, None)
            self._moved_on = True
            if following is not None:
                length_ms = container.duration_ms or 0
                self._part_ms = self._part_ms + length_ms if self._end_ms is None else self._end_ms
                self._leap_ms = 0.0
                self._part += 1
                self._container = following
            elif error is not None and not self._is_behind_the_sound():
                raise error
            container = following

    def begin_at(self, position_ms: float) -> None:
        """Count the first packet as that position, so that a station continues at its listener's position."""
        self._part_ms = position_ms

    def seek(self, position_ms: float) -> bool:
        """Move to a packet at or before the position, as well as the format allows. Returns False if that is not
        possible. Call `packets()` again afterwards."""
        container = self._container
        if container is None or not container.can_seek or not self._is_searchable:
            return False
        self._end_ms = None
        self._part += 1
        self._part_ms = self._leap_ms = 0.0
        length_of = self._parts.length_ms
        if length_of is None:
            if self._moved_on:
                self._moved_on = False
                self._following = self._parts.open_all()
                self._container = container = self._open_first()
            return container.seek(round(position_ms))
        self._following = self._parts.open_all()
        self._container = part = self._open_first()
        while (length_ms := length_of(part)) is not None and position_ms >= self._part_ms + length_ms:
            following = next(self._following, None)
            if following is None:
                break
            self._container = part = following
            self._part_ms += length_ms
        # Without a length, the position may lie in any later part.
        return length_ms is None or part.seek(round(position_ms - self._part_ms))

    @cached_property
    def _is_searchable(self) -> bool:
        """Whether positions increase up to the end. FFmpeg seeks in a FLAC file by searching, and would end up in
        another file that was joined to it."""
        first, length_ms = self.first, self._first_length_ms
        if self._parts.length_ms is not None or first.window is None or first.input.format.name != "flac":
            return True
        if length_ms is None or not first.seek(max(0, length_ms - _TAIL_MS)):
            return False
        ends = [(first.position_ms(packet.pts) or 0) + first.packet_ms(packet) for packet in first.packets()]
        return bool(ends) and not first.window.is_followed and abs(ends[-1] - length_ms) < _LEAP_MS

    def _open_first(self) -> AudioContainer:
        first = next(self._following, None)
        if first is None:
            raise SourceError("UNDECODABLE", "There is no sound in this file.", permanent=True)
        return first

    def _place(self, packet: AudioPacket, container: AudioContainer) -> ChainPacket:
        length_ms = container.packet_ms(packet)
        own_ms = container.position_ms(packet.pts)
        if own_ms is None:
            position_ms = self._part_ms if self._end_ms is None else self._end_ms
        else:
            position_ms = own_ms + self._part_ms + self._leap_ms
            if self._end_ms is not None and not -_BACK_MS < position_ms - self._end_ms < _LEAP_MS:
                self._leap_ms += self._end_ms - position_ms
                self._part += 1
                position_ms = self._end_ms
            self.reached_ms = max(self.reached_ms, own_ms + self._part_ms + length_ms)
        self._end_ms = position_ms + length_ms
        self.reached_ms = max(self.reached_ms, self._end_ms)
        shift_ms = self._part_ms + self._leap_ms
        return ChainPacket(packet, container, self._part, position_ms, self._end_ms, shift_ms)

    def _is_behind_the_sound(self) -> bool:
        """Return whether the unreadable data comes after all of the sound, so that the track is not at fault."""
        if self.is_live or self.reached_ms == 0:
            return False
        log.info("Stopped reading %s at %.1f s: the rest is unreadable", self.name, self.reached_ms / 1000)
        return self.duration_ms is None or self.reached_ms >= self.duration_ms - _LEAP_MS

    def _find_length(self) -> int | None:
        file, window = self._file, self.first.window
        if window is not None:
            size = getattr(self._media, "length", None)
            if size is None and file.seekable():
                place = file.tell()
                size = file.seek(0, io.SEEK_END)
                file.seek(place)
            size = size - window.start if size is not None else None
            head = window.head
            return known_length_ms(
                self.first, read_at=lambda at, count: bytes(head[at : at + count]), size=size
            )

        def read_at(offset: int, count: int) -> bytes:
            file.seek(offset)
            return file.read(count)

        return known_length_ms(self.first, read_at=read_at, size=file.seek(0, io.SEEK_END))


def _open_file(path: Path) -> MediaFile:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise SourceError("NOT_FOUND", "The file no longer exists.", permanent=True) from error
    except PermissionError as error:
        detail = "Backline has no permission to read the file."
        raise SourceError("UNREADABLE", detail, permanent=True) from error
    except OSError as error:
        raise SourceError("UNREADABLE", "The file could not be read.", permanent=False) from error
