"""Our own JSON: `{"name", "tracks": [{"uri", "title", "artist", "album", "duration_ms"}]}`."""

from __future__ import annotations

import json
from typing import Any

import orjson

from library.sources.playlists.shape import BadPlaylist, Line, PlaylistFile, short

NAME = "json"
CONTENT_TYPE = "application/json"
SUFFIXES = (".json",)


def takes(beginning: str, suffix: str) -> bool:
    return beginning.startswith("{") or suffix in SUFFIXES


def read(text: str) -> PlaylistFile:
    """Raises BadPlaylist (`DAMAGED`, `NOT_A_PLAYLIST`)."""
    try:
        document = orjson.loads(text)
    except ValueError as error:
        raise BadPlaylist("DAMAGED") from error
    tracks = document.get("tracks") if isinstance(document, dict) else None
    if not isinstance(tracks, list):
        raise BadPlaylist("NOT_A_PLAYLIST")
    found = PlaylistFile(name=short(_text(document, "name")))
    for track in tracks:
        if isinstance(track, dict):
            found.add(_line(track))
    return found


def _line(track: dict[str, Any]) -> Line:
    length = track.get("duration_ms")
    uri = _text(track, "uri") or ""
    return Line(
        location=uri,
        uri=uri,
        title=short(_text(track, "title")),
        artist=short(_text(track, "artist")),
        album=short(_text(track, "album")),
        duration_ms=length if type(length) is int and 0 < length < 10**12 else None,
    )


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def write(playlist: PlaylistFile) -> str:
    tracks = [
        {
            "uri": line.uri,
            "title": line.title,
            "artist": line.artist,
            "album": line.album,
            "duration_ms": line.duration_ms,
        }
        for line in playlist.lines
    ]
    return json.dumps({"name": playlist.name, "tracks": tracks}, ensure_ascii=False, indent=1) + "\n"
