"""The sources, with this installation's settings."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError, connection

from library.domain.signed_links import networks_for, renew
from library.models import Track
from library.sources import Source, SourceOptions, source_of
from library.sources.types import Place


def configured_source(uri: str) -> Source:
    """Return the source that handles a uri. Raises SourceError if none does."""
    return source_of(uri)(options_for(uri))


def options_for(uri: str) -> SourceOptions:
    return SourceOptions(
        library=settings.MEDIA_LIBRARY,
        allow_private=networks_for(uri),
        tag_encoding=settings.LIBRARY_TAG_ENCODING,
        attachments=settings.DATA_DIR / "attachments",
        uploads=settings.DATA_DIR / "uploads",
        renew=renew,
        locate=locate,
    )


def locate(uri: str) -> Place | None:
    """Return where the track of a library uri is. None for a track that no scan of this version has seen.

    May be called from any thread. A connection that this opens is closed again.
    """
    opens = connection.connection is None
    try:
        row = Track.objects.filter(uri=uri).values_list("path", "section", "start_ms", "end_ms").first()
        return Place(*row) if row and row[0] else None
    except DatabaseError:
        return None  # the file is then searched for
    finally:
        if opens:
            connection.close()
