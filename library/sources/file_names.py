"""Read what a file name contains about its track."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_NUMBERED = re.compile(r"(?:(\d)[-.])?(\d{1,3})(?:\s*[-._)]+\s*|\s+)(?=\S)(.+)", re.ASCII | re.DOTALL)
_SURE_NUMBER = re.compile(r"(?:\d[-.])?(?:0\d{1,2}(?!\d)|\d{1,3}\s*[-._)](?!\d))", re.ASCII)


class NamedFile(NamedTuple):
    """What a file name contains: "01 - Title", "1-02 Title", "Artist - Title"."""

    title: str
    artist: str | None = None
    disc: int | None = None
    number: int | None = None


def are_numbered(stems: Sequence[str]) -> bool:
    """Return whether the names of a folder's files begin with track numbers, even without a sign after them."""
    return len(stems) > 1 and all(map(_NUMBERED.fullmatch, stems))


def read_name(stem: str, *, numbered: bool) -> NamedFile:
    """Read a file name without its suffix. `numbered`: the names of the other files in its folder begin with numbers.

    A number alone may belong to the title, as in "7 Seconds". So it counts only if a sign follows it, if it begins with
    a zero, or if the other files have one.
    """
    disc, number, rest = None, None, stem
    match = _NUMBERED.fullmatch(stem)
    if match and (numbered or _SURE_NUMBER.match(stem)):
        disc, number, rest = int(match[1] or 0) or None, int(match[2]) or None, match[3]
    if "_" in rest and " " not in rest:
        rest = rest.replace("_", " ")
    artist, _, title = (part.strip() for part in rest.partition(" - "))
    if artist and title:
        return NamedFile(title, artist, disc, number)
    return NamedFile(rest.strip() or stem, None, disc, number)
