"""Direct http(s) links to audio files and radio stations."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from library.sources.addresses import parse_url
from library.sources.deadline import Deadline
from library.sources.errors import SourceError
from library.sources.http_media import HttpMedia
from library.sources.links import is_link
from library.sources.probe import probe
from library.sources.source import Source
from library.sources.types import TrackInfo

# For opening, and for reading tags and duration.
RESOLVE_SECONDS = 30.0


class HttpSource(Source):
    name = "http"
    label = gettext_noop("Links to audio and radio")

    @staticmethod
    def takes(uri: str) -> bool:
        return uri.strip().lower().startswith(("http://", "https://")) and is_link(uri)

    def resolve(self, uri: str) -> TrackInfo:
        media = self.open(uri)
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
        return self.describe(url, found, title=media.title, url=url, is_live=media.is_live)

    def open(self, uri: str) -> HttpMedia:
        try:
            return self._open(uri)
        except SourceError as error:
            fresh = self.options.renew(uri) if error.code == "NOT_FOUND" else None
            if fresh is None:
                raise
        return self._open(fresh)

    def _open(self, link: str) -> HttpMedia:
        return HttpMedia(parse_url(link), allow_private=self.options.allow_private)
