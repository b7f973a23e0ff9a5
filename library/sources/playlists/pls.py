"""PLS, which SHOUTcast and Winamp use: `File1=`, `Title1=` and `Length1=` below `[playlist]`."""

from __future__ import annotations

import re

from library.sources.playlists.shape import Line, PlaylistFile, milliseconds, short

SUFFIXES = (".pls",)
_ENTRY = re.compile(r"(file|title|length)\s*([0-9]{1,9})\s*=(.*)", re.IGNORECASE)


def takes(beginning: str, suffix: str) -> bool:
    return beginning.lower().startswith("[playlist]") or suffix in SUFFIXES


def read(text: str) -> PlaylistFile:
    lines: dict[int, Line] = {}
    for row in text.splitlines():
        entry = _ENTRY.fullmatch(row.strip())
        if entry is None:
            continue
        line = lines.setdefault(int(entry[2]), Line())
        value = entry[3].strip()
        match entry[1].lower():
            case "file":
                line.location = value
            case "title":
                words = short(value)
                artist, dash, title = (words or "").partition(" - ")
                line.artist, line.title = (artist, title) if dash and title else (None, words)
            case "length":
                line.duration_ms = milliseconds(value)
    found = PlaylistFile()
    for _number, line in sorted(lines.items()):
        if line.location:
            found.add(line)
    return found
