"""The sources, with this installation's settings."""

from __future__ import annotations

from django.conf import settings

from library.domain.signed_links import networks_for, renew
from library.sources import Source, SourceOptions, source_of


def configured_source(uri: str) -> Source:
    """Return the source that handles a uri. Raises SourceError if none does."""
    return source_of(uri)(options_for(uri))


def options_for(uri: str) -> SourceOptions:
    return SourceOptions(
        library=settings.MEDIA_LIBRARY,
        allow_private=networks_for(uri),
        tag_encoding=settings.LIBRARY_TAG_ENCODING,
        attachments=settings.DATA_DIR / "attachments",
        renew=renew,
    )
