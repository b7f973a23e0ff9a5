"""Files that people attached in Discord.

Discord's links to them expire, and the file of a slash command disappears. So the bot downloads them when they are
added (library/domain/attachments.py). A file is named by its content, which is the only name that lasts and that
nobody can guess.
"""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

from django.utils.translation import gettext_noop

from library.sources.errors import SourceError
from library.sources.probe import probe
from library.sources.source import Source
from library.sources.types import TrackInfo

_ID = re.compile(r"[a-z2-7]{26}")
_PREFIX = "discord:"


def attachment_id(digest: bytes) -> str:
    """Return the id of a file: 130 bits of the SHA-256 of its content, in base32."""
    return base64.b32encode(digest).decode("ascii").lower()[:26]


class DiscordSource(Source):
    name = "discord"
    label = gettext_noop("Files from Discord")
    saved = True

    @staticmethod
    def takes(uri: str) -> bool:
        return uri.startswith(_PREFIX) and _ID.fullmatch(uri.removeprefix(_PREFIX)) is not None

    @staticmethod
    def uri_of(identifier: str) -> str:
        return _PREFIX + identifier

    def path_of(self, uri: str) -> Path:
        return self.options.attachments / uri.removeprefix(_PREFIX)

    def resolve(self, uri: str) -> TrackInfo:
        return self.describe(uri, probe(self.open(uri)), title="")

    def open(self, uri: str) -> Path:
        """Return the file, and note that it was used: those that were not used for longest are deleted first."""
        path = self.path_of(uri)
        try:
            os.utime(path)
        except FileNotFoundError as error:
            detail = "This file is no longer kept. Upload it again."
            raise SourceError("NOT_FOUND", detail, permanent=True) from error
        return path
