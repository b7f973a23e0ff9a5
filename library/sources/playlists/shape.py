"""The content of a playlist file, in any format."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Literal

MAX_BYTES = 2_000_000
MAX_LINES = 10_000  # tracks that are read from one file
MAX_FIELD = 2_000  # characters of one location or word

_CONTROLS = {"Cc", "Cs", "Zl", "Zp"}

type Problem = Literal["EMPTY", "TOO_LARGE", "NOT_A_PLAYLIST", "DAMAGED", "HLS"]


class BadPlaylist(Exception):
    """The file cannot be read as a playlist."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


@dataclass(slots=True)
class Line:
    """A track of a playlist file. `location` is as the file has it: a link, a path, or empty. `uri` is ours, if we
    wrote the file. Words are None where the file has none."""

    location: str = ""
    uri: str = ""
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    duration_ms: int | None = None


@dataclass(slots=True)
class PlaylistFile:
    """`surplus`: how many tracks came after the first MAX_LINES, and were not read."""

    lines: list[Line] = field(default_factory=list)
    name: str | None = None
    surplus: int = 0

    def add(self, line: Line) -> None:
        if len(self.lines) < MAX_LINES:
            line.location, line.uri = _without_controls(line.location), _without_controls(line.uri)
            self.lines.append(line)
        else:
            self.surplus += 1


def _without_controls(address: str) -> str:
    """Cut an address, and remove characters that would be lines of their own in another file."""
    return "".join(
        char for char in address[:MAX_FIELD] if unicodedata.category(char) not in _CONTROLS
    ).strip()


def short(text: str | None) -> str | None:
    """Return a word of a file on one line, None if nothing is left."""
    if not text:
        return None
    printable = "".join(char if char.isprintable() else " " for char in text[:MAX_FIELD])
    return " ".join(printable.split()) or None


def milliseconds(seconds: str) -> int | None:
    """Return a length that a file gives in seconds. None if it is no number, or means that it is unknown."""
    try:
        value = float(seconds)
    except ValueError:
        return None
    return round(value * 1000) if 0 < value < 10_000_000 else None
