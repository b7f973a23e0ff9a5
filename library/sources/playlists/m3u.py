"""M3U and M3U8: a line for each track, and lines with `#` that describe the next one.

There is no standard. https://en.wikipedia.org/wiki/M3U describes what programs write. HLS uses the same beginning for
something else: the pieces of one stream (RFC 8216).
"""

from __future__ import annotations

import re

from library.sources.playlists.shape import BadPlaylist, Line, PlaylistFile, milliseconds, short

NAME = "m3u8"
CONTENT_TYPE = "application/vnd.apple.mpegurl"
SUFFIXES = (".m3u", ".m3u8")
_OURS = "#BACKLINE-URI:"
_INFO = re.compile(r"#EXTINF:\s*(-?[0-9.]+)(?P<attributes>[^,]*),?(?P<title>.*)", re.IGNORECASE)
_HLS = ("#EXT-X-TARGETDURATION", "#EXT-X-STREAM-INF", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-MEDIA:")


def takes(beginning: str, suffix: str) -> bool:
    return beginning.upper().startswith(("#EXTM3U", "#EXTINF:")) or suffix in SUFFIXES


def read(text: str) -> PlaylistFile:
    """Raises BadPlaylist (`HLS`)."""
    found = PlaylistFile()
    line = Line()
    for raw in text.splitlines():
        row = raw.strip()
        if row.startswith("#"):
            if row.upper().startswith(_HLS):
                raise BadPlaylist("HLS")
            _describe(row, line, found)
        elif row:
            line.location = row
            found.add(line)
            line = Line()
    return found


def _describe(row: str, line: Line, found: PlaylistFile) -> None:
    """Note what a line with `#` says. Others are ignored."""
    key, _colon, value = row.partition(":")
    match key.upper():
        case "#EXTINF" if info := _INFO.match(row):
            line.duration_ms = milliseconds(info[1])
            words = short(info["title"])
            artist, dash, title = (words or "").partition(" - ")
            line.artist, line.title = (artist, title) if dash and title else (None, words)
        case "#EXTALB":
            line.album = short(value)
        case "#EXTART":
            line.artist = short(value)
        case "#PLAYLIST":
            found.name = short(value)
        case "#BACKLINE-URI":
            line.uri = value.strip()


def write(playlist: PlaylistFile) -> str:
    rows = ["#EXTM3U", f"#PLAYLIST:{playlist.name or ''}"]
    for line in playlist.lines:
        seconds = round(line.duration_ms / 1000) if line.duration_ms is not None else -1
        title = f"{line.artist} - {line.title}" if line.artist else line.title or ""
        rows.append(f"#EXTINF:{seconds},{title}")
        if line.artist:
            rows.append(f"#EXTART:{line.artist}")
        if line.album:
            rows.append(f"#EXTALB:{line.album}")
        rows += [f"{_OURS}{line.uri}", line.location or line.uri]
    return "\n".join(rows) + "\n"
