"""Where tracks come from. Each source is a class in its own file here, and an entry in the list below."""

from __future__ import annotations

from library.sources.discord import DiscordSource
from library.sources.errors import SourceError
from library.sources.http import HttpSource
from library.sources.library import LibrarySource
from library.sources.source import Source, SourceOptions
from library.sources.types import FileSection, Media, MediaFile, Networks, Playable, TrackInfo
from library.sources.upload import UploadSource

__all__ = [
    "SOURCES", "FileSection", "Media", "MediaFile", "Networks", "Playable", "Source", "SourceError", "SourceOptions",
    "TrackInfo", "find_source", "searchable_sources", "source_of",
]  # fmt: skip

SOURCES: tuple[type[Source], ...] = (LibrarySource, UploadSource, HttpSource, DiscordSource)
"""In the order in which they are tried and offered."""


def searchable_sources() -> list[str]:
    """Return the names of the sources whose tracks can be found by words."""
    return [source.name for source in SOURCES if source.searchable]


def find_source(uri: str) -> type[Source] | None:
    """Return the source that handles a uri. None if none does, for example for words to search for."""
    return next((source for source in SOURCES if source.takes(uri)), None)


def source_of(uri: str) -> type[Source]:
    """Return the source that handles a uri. Raises SourceError (`BAD_URI`) if none does."""
    source = find_source(uri)
    if source is None:
        raise SourceError("BAD_URI", "No source can play this link.", permanent=True)
    return source
