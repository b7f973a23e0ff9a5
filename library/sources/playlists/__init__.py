"""Playlist files: each format is a module here. Reading is tolerant, because many programs write them carelessly."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import NamedTuple

from library.sources.playlists import backline_json, m3u, pls, xspf
from library.sources.playlists.shape import MAX_BYTES, MAX_LINES, BadPlaylist, Line, PlaylistFile, Problem
from library.sources.text import repair

__all__ = [
    "BEGINNING_BYTES", "MAX_BYTES", "MAX_LINES", "WRITERS", "BadPlaylist", "Line", "PlaylistFile", "Problem",
    "has_list_name", "is_text", "looks_like_list", "read_file",
]  # fmt: skip

BEGINNING_BYTES = 512
_READERS = (xspf, pls, m3u, backline_json)  # M3U comes late: without a header, any text could be one
_SUFFIXES = frozenset(suffix for reader in (xspf, pls, m3u) for suffix in reader.SUFFIXES)


class Writer(NamedTuple):
    content_type: str
    write: Callable[[PlaylistFile], str]


WRITERS = {module.NAME: Writer(module.CONTENT_TYPE, module.write) for module in (m3u, xspf, backline_json)}


def has_list_name(name: str) -> bool:
    """Return whether a file name, or the path of a link, ends like a playlist."""
    return _suffix(name) in _SUFFIXES


def looks_like_list(beginning: bytes, name: str = "") -> bool:
    """Return whether a file is a playlist, by the beginning of its content, or by its name if that is text."""
    text = _text(beginning).lstrip()
    if any(reader.takes(text, "") for reader in (xspf, pls, m3u)):
        return True
    return has_list_name(name) and is_text(beginning)


def read_file(data: bytes, name: str = "") -> PlaylistFile:
    """Return the content of a playlist file. `name` is its file name, which may show the format. Raises BadPlaylist."""
    if len(data) > MAX_BYTES:
        raise BadPlaylist("TOO_LARGE")
    if not is_text(data[:BEGINNING_BYTES]):
        raise BadPlaylist("NOT_A_PLAYLIST")
    text = _text(data).strip()
    if not text:
        raise BadPlaylist("EMPTY")
    beginning, suffix = text[:BEGINNING_BYTES], _suffix(name)
    reader = next((each for each in _READERS if each.takes(beginning, "")), None)
    reader = reader or next((each for each in _READERS if each.takes(beginning, suffix)), None)
    if reader is None:
        raise BadPlaylist("NOT_A_PLAYLIST")
    found: PlaylistFile = reader.read(text)
    if not found.lines:
        raise BadPlaylist("EMPTY")
    return found


def _suffix(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).suffix.lower()


def is_text(beginning: bytes) -> bool:
    """Return whether a file, of which this is the beginning, can be text."""
    return beginning.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" not in beginning


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").lstrip("\ufeff").replace("\0", "")
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").split("\n")
    return "\n".join(repair(lines, latin=False)).replace("\0", "")
