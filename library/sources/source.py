"""The base class of sources. Each source has its own file and an entry in the list of `library/sources/__init__.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from library.sources.probe import Probe
from library.sources.tags import clean
from library.sources.types import Networks, Place, Playable, TrackInfo


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """The settings of an installation.

    `library`: the folder of audio files. `allow_private`: private networks that links may lead to. `tag_encoding`: as
    in `probe`, for files of the library. `attachments` and `uploads`: the folders of files from Discord and of uploads.
    `renew`: returns a new link in place of one that leads nowhere, or None. Raises SourceError. `locate`: returns where
    the track of a library uri is, None if it is not known.
    """

    library: Path
    allow_private: Networks = ()
    tag_encoding: str = ""
    attachments: Path = Path()
    uploads: Path = Path()
    renew: Callable[[str], str | None] = lambda link: None
    locate: Callable[[str], Place | None] = lambda uri: None


class Source(ABC):
    """Where tracks come from. `name` is stored in `Track.source` and in a guild's settings. `label` is for people, and
    is translated where it is shown.
    The tracks of a `saved` source are saved before somebody can add them. Those of a `searchable` source can also be
    found by words. Tracks of other sources are saved when somebody adds their uri.

    Blocking, and without Django's settings and database: call `resolve` and `open` from a worker thread.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    saved: ClassVar[bool] = False
    searchable: ClassVar[bool] = False

    def __init__(self, options: SourceOptions) -> None:
        self.options = options

    @staticmethod
    @abstractmethod
    def takes(uri: str) -> bool:
        """Return whether this source handles the uri."""

    @abstractmethod
    def resolve(self, uri: str) -> TrackInfo:
        """Read a track's information without playing it. Takes at most about a minute. Raises SourceError."""

    @abstractmethod
    def open(self, uri: str) -> Playable:
        """Return a track's audio for playing: a path, a section of one, or an open file that the caller closes.

        Raises SourceError.
        """

    def describe(
        self, uri: str, found: Probe, *, title: str, url: str | None = None, is_live: bool = False
    ) -> TrackInfo:
        """Return what `probe` found, with `title` if the file has none."""
        return TrackInfo(
            uri=uri,
            # For a station, its own name counts, not the tags of what it is playing now.
            title=(None if is_live else found.title) or clean(title) or "Untitled",
            artist=None if is_live else found.artist,
            album=None if is_live else found.album,
            url=url,
            duration_ms=found.duration_ms,
            artwork=found.artwork,
            artwork_type=found.artwork_type,
            source=self.name,
            is_live=is_live,
            details=found.details,
        )
