"""The sources, with this installation's settings."""

from __future__ import annotations

from django.conf import settings

from library.sources import Source, SourceOptions, source_of


def configured_source(uri: str) -> Source:
    """Return the source that handles a uri. Raises SourceError if none does."""
    options = SourceOptions(
        library=settings.MEDIA_LIBRARY,
        allow_private=settings.ALLOW_PRIVATE_MEDIA,
        tag_encoding=settings.LIBRARY_TAG_ENCODING,
    )
    return source_of(uri)(options)
