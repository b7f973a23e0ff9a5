"""Reads the frames of a section of a file, such as a track of a cue sheet."""

from __future__ import annotations

import math

from botrunner.audio.frames import FrameReader
from library.sources.errors import SourceError
from library.sources.opus import FRAME_MS
from library.sources.types import FileSection, Playable


def open_frames(media: Playable, *, start_ms: int, volume: int) -> FrameReader | SectionReader:
    """Open what a source returned. Raises SourceError."""
    if isinstance(media, FileSection):
        return SectionReader(media, start_ms=start_ms, volume=volume)
    return FrameReader(media, start_ms=start_ms, volume=volume)


class SectionReader:
    """A `FrameReader` whose positions count from the beginning of the section, and which ends with the section."""

    def __init__(self, section: FileSection, *, start_ms: int, volume: int) -> None:
        self._section = section
        wanted_ms = section.start_ms + start_ms
        self._reader = FrameReader(section.path, start_ms=wanted_ms, volume=volume)
        self.start_ms = max(0, self._reader.start_ms - section.start_ms)
        self._next_ms: float = self._reader.start_ms
        self._began = start_ms > 0  # a seek to the end is no error

    @property
    def passthrough(self) -> bool:
        return self._reader.passthrough

    def read(self, count: int) -> list[bytes]:
        """As `FrameReader.read`."""
        frames = self._reader.read(count) if self._left() > 0 else []
        frames = frames[: self._left()]
        if not frames and not self._began:
            raise SourceError("ENDED_EARLY", "The file ends before this track begins.", permanent=True)
        self._began = self._began or bool(frames)
        self._next_ms += len(frames) * FRAME_MS
        return frames

    def _left(self) -> int:
        """Return how many frames are left before the end of the section."""
        end_ms = self._section.end_ms
        return 1 << 31 if end_ms is None else max(0, math.ceil((end_ms - self._next_ms) / FRAME_MS))

    def keep_from(self, position_ms: float) -> None:
        self._reader.keep_from(self._section.start_ms + position_ms)

    def rewind(self, position_ms: float, *, volume: int) -> None:
        self._next_ms = self._section.start_ms + position_ms
        self._reader.rewind(self._next_ms, volume=volume)

    def close(self) -> None:
        self._reader.close()
