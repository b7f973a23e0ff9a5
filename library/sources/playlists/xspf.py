"""XSPF (https://xspf.org/spec), read without building a tree, so that depth and entities cannot do harm."""

from __future__ import annotations

from xml.parsers import expat
from xml.sax.saxutils import escape

from library.sources.playlists.shape import MAX_FIELD, BadPlaylist, Line, PlaylistFile, short

NAME = "xspf"
CONTENT_TYPE = "application/xspf+xml"
SUFFIXES = (".xspf",)
_NAMESPACE = "http://xspf.org/ns/0/"
_FIELDS = {"location", "identifier", "title", "creator", "album", "duration"}


def takes(beginning: str, suffix: str) -> bool:
    return "<playlist" in beginning or suffix in SUFFIXES


def read(text: str) -> PlaylistFile:
    """Raises BadPlaylist (`DAMAGED`)."""
    reader = _Reader()
    try:
        reader.parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise BadPlaylist("DAMAGED") from error
    return reader.found


class _Reader:
    """Notes tracks as the parser reaches them. `_path` has the names of the open elements."""

    def __init__(self) -> None:
        self.found = PlaylistFile()
        self._path: list[str] = []
        self._line = Line()
        self._text = ""
        self.parser = expat.ParserCreate("utf-8")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _refuse(self, *_declaration: object) -> None:
        raise BadPlaylist("DAMAGED")  # only a declaration could define entities

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._path) > 50:
            raise BadPlaylist("DAMAGED")
        self._path.append(name.rpartition(":")[2])
        self._text = ""
        if self._path[-1] == "track":
            self._line = Line()

    def _data(self, data: str) -> None:
        if len(self._text) < MAX_FIELD:
            self._text += data

    def _end(self, name: str) -> None:
        element = self._path.pop()
        parent = self._path[-1] if self._path else ""
        text = short(self._text) or ""
        self._text = ""
        if element == "track":
            self.found.add(self._line)
        elif element == "title" and parent == "playlist":
            self.found.name = text or None
        elif parent == "track" and element in _FIELDS:
            self._set(element, text)

    def _set(self, element: str, text: str) -> None:
        line = self._line
        match element:
            case "location":
                line.location = line.location or text  # the first one is preferred
            case "identifier":
                line.uri = line.uri or text
            case "title":
                line.title = text or None
            case "creator":
                line.artist = text or None
            case "album":
                line.album = text or None
            case "duration" if text.isascii() and text.isdecimal() and len(text) < 12:
                line.duration_ms = int(text) or None


def write(playlist: PlaylistFile) -> str:
    rows = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<playlist version="1" xmlns="{_NAMESPACE}">',
        f"  <title>{escape(playlist.name or '')}</title>",
        "  <trackList>",
    ]
    for line in playlist.lines:
        fields = {
            "location": line.location,
            "identifier": line.uri,
            "title": line.title,
            "creator": line.artist,
            "album": line.album,
            "duration": None if line.duration_ms is None else str(line.duration_ms),
        }
        cells = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items() if value)
        rows.append(f"    <track>{cells}</track>")
    return "\n".join([*rows, "  </trackList>", "</playlist>"]) + "\n"
