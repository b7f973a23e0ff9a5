"""What every source of tracks is: a class in its own file, and a line in the list of `library/sources/__init__.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from library.sources.probe import Probe, clean
from library.sources.types import Media, Networks, TrackInfo


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What an installation has configured. `library`: the folder of audio files; `allow_private`: networks of its own
    that links may lead to; `tag_encoding`: as in `probe`, for files of the library."""

    library: Path
    allow_private: Networks = ()
    tag_encoding: str = ""


class Source(ABC):
    """Where tracks come from. `name` is kept in `Track.source` and in a guild's settings, `label` is for people.
    The tracks of a `searchable` source are saved before anybody asks for them, and are found by words; those of another
    are saved when somebody adds their uri.

    Blocking and without Django: call `resolve` and `open` from a worker thread.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    searchable: ClassVar[bool] = False

    def __init__(self, options: SourceOptions) -> None:
        self.options = options

    @staticmethod
    @abstractmethod
    def takes(uri: str) -> bool:
        """Whether a uri is one of this source's."""

    @abstractmethod
    def resolve(self, uri: str) -> TrackInfo:
        """Look at a track without playing it. At most about a minute. Raises SourceError."""

    @abstractmethod
    def open(self, uri: str) -> Media:
        """Open a track to be played: a path, or an open file that the caller closes. Raises SourceError."""

    def describe(
        self, uri: str, found: Probe, *, title: str, url: str | None = None, is_live: bool = False
    ) -> TrackInfo:
        """Return what `probe` found, under `title` where the file has none."""
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
            source=self.name,
            is_live=is_live,
        )
