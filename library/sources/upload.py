"""Files that people uploaded on the page.

A file is named by its content, so that a second upload of it takes no room, and nobody can guess its name. It has no
suffix, is never executable, and is never served over HTTP.
"""

from __future__ import annotations

import base64
import re
from pathlib import Path

from django.utils.translation import gettext_noop

from library.sources.errors import SourceError
from library.sources.probe import probe
from library.sources.source import Source
from library.sources.types import TrackInfo

_ID = re.compile(r"[a-z2-7]{26}")
_PREFIX = "upload:"


class UploadSource(Source):
    name = "upload"
    label = gettext_noop("Uploads")
    saved = searchable = True

    @staticmethod
    def takes(uri: str) -> bool:
        return uri.startswith(_PREFIX) and _ID.fullmatch(uri.removeprefix(_PREFIX)) is not None

    @staticmethod
    def uri_of(digest: bytes) -> str:
        """Return the uri of a file with this SHA-256."""
        return _PREFIX + base64.b32encode(digest).decode("ascii").lower()[:26]

    def path_of(self, uri: str) -> Path:
        return self.options.uploads / uri.removeprefix(_PREFIX)

    def resolve(self, uri: str) -> TrackInfo:
        return self.describe(uri, probe(self.open(uri)), title="")

    def open(self, uri: str) -> Path:
        path = self.path_of(uri)
        if not path.is_file():
            raise SourceError("NOT_FOUND", "This upload was deleted.", permanent=True)
        return path
