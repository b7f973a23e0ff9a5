"""A source's information about a track, and the media that it returns for playing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Protocol, runtime_checkable

type Networks = Sequence[IPv4Network | IPv6Network]


@dataclass(frozen=True, slots=True)
class Details:
    """What a file's tags say besides title, artist and album. The `…_sort` fields are names for sorting. `main_artist`:
    the first one, if the tags list several artists separately."""

    main_artist: str | None = None
    album_artist: str | None = None
    disc: int | None = None
    number: int | None = None
    year: int | None = None
    genre: str | None = None
    is_compilation: bool = False
    artist_sort: str | None = None
    album_artist_sort: str | None = None
    album_sort: str | None = None


NO_DETAILS = Details()


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """What a source knows about a track. Sources accept its `uri`.

    `duration_ms` is None for live streams and if the container does not have it. `artwork` is the unchanged embedded
    picture, `artwork_type` its media type (`image/jpeg`, `image/png`, ...). `source` is the source's name, `url` the
    track's public address, if it has one.

    `section` is 0 for a whole file. A track of a cue sheet is a section of its file: `section` counts from 1, and the
    track lasts from `start_ms` to `end_ms` of the file (None: to its end).
    """

    uri: str
    title: str
    artist: str | None
    album: str | None
    url: str | None
    duration_ms: int | None
    artwork: bytes | None
    artwork_type: str | None
    source: str
    is_live: bool
    details: Details = NO_DETAILS
    section: int = 0
    start_ms: int = 0
    end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a track of the library is: its file as the database stores it (`stored_path`), and its section of it."""

    path: str
    section: int = 0
    start_ms: int = 0
    end_ms: int | None = None


@dataclass(frozen=True, slots=True)
class FileSection:
    """The part of a file that a track is, to the file's end if `end_ms` is None."""

    path: Path
    start_ms: int
    end_ms: int | None


@runtime_checkable
class MediaFile(Protocol):
    """A binary file-like for PyAV. `close` may be called from any thread and ends a blocked read."""

    def read(self, size: int = -1, /) -> bytes: ...
    def seek(self, offset: int, whence: int = 0, /) -> int: ...
    def tell(self) -> int: ...
    def readable(self) -> bool: ...
    def seekable(self) -> bool: ...
    def close(self) -> None: ...


type Media = Path | MediaFile
type Playable = Media | FileSection


def media_name(media: Playable) -> str:
    """Return the name for log messages: a file's name, or a link without its query."""
    if isinstance(media, FileSection):
        media = media.path
    if isinstance(media, Path):
        return readable(media.name)
    url = getattr(media, "url", None)
    return "a file" if url is None else str(url).partition("?")[0]


def readable(name: str) -> str:
    """Return a file name in which characters that are not printable are escaped, as in `\\x1b` or `\\udcff`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in name)
