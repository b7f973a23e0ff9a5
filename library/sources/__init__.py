"""Where tracks come from: `library:<id>` (a file of the library) and direct `http(s)://` links to audio.

Blocking and without Django: call these from a worker thread and pass in what is configured.
"""

from __future__ import annotations

from pathlib import Path

from library.sources.addresses import parse_url
from library.sources.deadline import Deadline
from library.sources.errors import SourceError
from library.sources.http import HttpMedia
from library.sources.library import path_of
from library.sources.probe import Probe, clean, probe
from library.sources.text import repair
from library.sources.types import Media, MediaFile, Networks, TrackInfo

__all__ = ["Media", "MediaFile", "Networks", "SourceError", "TrackInfo", "open_media", "resolve"]

LIBRARY = "library:"
# Opening plus reading what tags and duration need.
RESOLVE_SECONDS = 30.0


def resolve(uri: str, *, library: Path, allow_private: Networks, tag_encoding: str = "") -> TrackInfo:
    """Look at a track without playing it. At most about a minute. `tag_encoding` as in `probe`, for library files.
    Raises SourceError."""
    if uri.startswith(LIBRARY):
        path = path_of(library, uri.removeprefix(LIBRARY))
        found = probe(path, tag_encoding=tag_encoding)
        (title,) = repair([path.stem], latin=False, prefer=tag_encoding)
        return _info(uri, found, title=title, url=None, source="library", is_live=False)
    media = HttpMedia(parse_url(uri), allow_private=allow_private)
    try:
        with Deadline(RESOLVE_SECONDS, media.close) as deadline:
            try:
                found = probe(media)
            except SourceError as error:
                if deadline.passed:
                    detail = "The server sends too slowly."
                    raise SourceError("TOO_SLOW", detail, permanent=False) from error
                raise
    finally:
        media.close()
    url = str(media.url)
    return _info(url, found, title=media.title, url=url, source="http", is_live=media.is_live)


def open_media(uri: str, *, library: Path, allow_private: Networks) -> Media:
    """Open a track to be played: the path of a library file, or an open link that the caller closes.

    Raises SourceError.
    """
    if uri.startswith(LIBRARY):
        return path_of(library, uri.removeprefix(LIBRARY))
    return HttpMedia(parse_url(uri), allow_private=allow_private)


def _info(uri: str, found: Probe, *, title: str, url: str | None, source: str, is_live: bool) -> TrackInfo:
    return TrackInfo(
        uri=uri,
        # A station's own name beats the tags of what it happens to play.
        title=(None if is_live else found.title) or clean(title) or "Untitled",
        artist=None if is_live else found.artist,
        album=None if is_live else found.album,
        url=url,
        duration_ms=found.duration_ms,
        artwork=found.artwork,
        artwork_type=found.artwork_type,
        source=source,
        is_live=is_live,
    )
