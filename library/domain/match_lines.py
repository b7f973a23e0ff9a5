"""Find the tracks of a playlist file in the library: by URI, link, path or words."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import batched
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from django.conf import settings

from database.statements import IN_STATEMENT
from library.domain.find import find_tracks
from library.domain.match import Words, match_words
from library.models import Track
from library.sources import find_source
from library.sources.addresses import parse_url
from library.sources.errors import SourceError
from library.sources.links import SCHEME, is_link
from library.sources.playlists import Line

MAX_FOLDERS = 8  # folders of a path that are compared, from its end
MAX_URI = 2_000  # bytes, as in query_fields.MAX_URL
_NUMBERED = re.compile(r"^\d{1,3}[\s._-]+")


class Unmatched(StrEnum):
    """Why a line has no track."""

    NOT_IN_LIBRARY = "NOT_IN_LIBRARY"  # nothing in the library fits
    BAD_LINK = "BAD_LINK"  # an address that cannot be played: an ftp:// address, or one with a password


def match_lines(lines: Sequence[Line]) -> list[Track | Unmatched]:
    """Return the track of each line, or why there is none. Tracks of new links are not saved (see `save_links`).

    No file outside the library is opened, and no link is followed.
    """
    uris = [_uri(line) for line in lines]
    known = find_tracks([uri for uri in uris if uri and uri is not Unmatched.BAD_LINK])
    rest = [
        at for at, uri in enumerate(uris) if uri is not Unmatched.BAD_LINK and known.get(uri or "") is None
    ]
    by_path = _by_path([lines[at].location for at in rest])
    by_words = match_words([_words(lines[at]) for at in rest])
    found: list[Track | Unmatched] = []
    others = dict(zip(rest, zip(by_path, by_words, strict=True), strict=True))
    for at, uri in enumerate(uris):
        if uri is Unmatched.BAD_LINK:
            found.append(Unmatched.BAD_LINK)
        elif at in others:
            track = others[at][0] or others[at][1]
            found.append(track or Unmatched.NOT_IN_LIBRARY)
        else:
            found.append(known[uri or ""])
    return found


def _uri(line: Line) -> str | Unmatched | None:
    """Return the URI or link of a line, BAD_LINK, or None if it is a path."""
    if line.uri and find_source(line.uri) is not None and not is_link(line.uri):
        return line.uri
    location = line.location.strip()
    scheme = SCHEME.match(location)
    if scheme is None or scheme[0].lower() == "file:":
        return None
    if scheme[0].lower() not in ("http:", "https:"):
        return location if find_source(location) is not None else Unmatched.BAD_LINK
    try:
        parse_url(location)
    except SourceError:
        return Unmatched.BAD_LINK
    return location if len(location.encode()) <= MAX_URI and is_link(location) else Unmatched.BAD_LINK


def _words(line: Line) -> Words:
    if line.title:
        return Words(line.title, line.artist or "", line.album or "", line.duration_ms)
    name = _NUMBERED.sub("", PurePosixPath(_path(line.location)).stem.replace("_", " "))
    artist, dash, title = name.partition(" - ")
    return Words(title, artist, "", line.duration_ms) if dash else Words(name, "", "", line.duration_ms)


def _path(location: str) -> str:
    """Return the path of a location with slashes, without its drive or server. Empty if the address is malformed."""
    if location.lower().startswith("file:") or SCHEME.match(location):
        known = location.lower().startswith("file:") or is_link(location)
        location = _path_of_address(location) if known else ""
    path = unicodedata.normalize("NFC", location.replace("\\", "/"))
    return re.sub(r"^[a-z]:", "", path, flags=re.IGNORECASE).strip("/")


def _path_of_address(address: str) -> str:
    try:
        return unquote(urlsplit(address).path)
    except ValueError:  # such as file://[x/a.mp3
        return ""


def _by_path(locations: Sequence[str]) -> list[Track | None]:
    """Return the track of the library's file whose path has the most folders in common with each location."""
    root = unicodedata.normalize("NFC", settings.MEDIA_LIBRARY.as_posix()).strip("/")
    paths = [_path(each).removeprefix(f"{root}/") if not is_link(each) else "" for each in locations]
    tails = [list(_tails(path)) for path in paths]
    folders = {tail.rpartition("/")[0] for each in tails for tail in each}
    files = _files_in(folders)
    ids = [next((files[tail] for tail in each if tail in files), None) for each in tails]
    tracks = _load(filter(None, ids))
    return [tracks.get(pk or 0) for pk in ids]


def _tails(path: str) -> Iterable[str]:
    """Yield a path, then the path without its first folder, and so on."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts:
        return
    for count in range(min(len(parts), MAX_FOLDERS), 0, -1):
        yield "/".join(parts[-count:]).casefold()


def _files_in(folders: Iterable[str]) -> dict[str, int]:
    """Return the tracks of these folders, which are case-folded, by their case-folded path."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    wanted = set(folders)
    known = Track.objects.filter(source="library", available=True).order_by().values_list("folder", flat=True)
    here = [folder for folder in known.distinct() if _fold(folder) in wanted]
    for part in batched(here, IN_STATEMENT):
        rows = Track.objects.filter(source="library", available=True, folder__in=part)
        for pk, path in rows.values_list("pk", "path"):
            found[_fold(path)].append(pk)
    return {path: ids[0] for path, ids in found.items() if len(ids) == 1}


def _fold(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _load(ids: Iterable[int]) -> dict[int, Track]:
    tracks: dict[int, Track] = {}
    for part in batched(set(ids), IN_STATEMENT):
        tracks |= Track.objects.in_bulk(part)
    return tracks
