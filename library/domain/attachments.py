"""Files that people attach in Discord: downloaded when they are added, and kept as long as there is room."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.formats import number_format
from django.utils.functional import lazy
from django.utils.translation import gettext_noop

from library.domain.configured import options_for
from library.domain.tracks import apply_info
from library.errors import FileRefused, lazy_text
from library.models import Track
from library.sources import SourceError, TrackInfo
from library.sources.deadline import Deadline
from library.sources.discord import DiscordSource, attachment_id
from library.sources.http import HttpSource
from library.sources.http_media import HttpMedia
from library.sources.probe import probe

log = logging.getLogger(__name__)

MB = 1_000_000
DOWNLOAD_SECONDS = 300.0
ABANDONED_SECONDS = 3600  # a download that is older has died with its process
PIECE_BYTES = 64 * 1024
_DRAFT = ".part"

_making_room = threading.Lock()


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that is attached in Discord. `link` expires. `name` is shown in sentences, and must be escaped for that.

    `title` is the track's title if the file has no tags. `size` is in bytes, None if it is unknown.
    """

    link: str
    name: str
    title: str
    size: int | None = None


def make_room(size: int, *, in_use: Callable[[], Collection[str]]) -> bool:
    """Delete files until there is room for one of `size` bytes. If there cannot be, delete none and return False.

    `in_use` returns the uris of files that must stay. The others are deleted in the order of their last use.
    """
    with _making_room:
        files = _kept_files()
        surplus = sum(status.st_size for _, status in files) + size - settings.ATTACHMENTS_MAX_MB * MB
        stay = in_use() if surplus > 0 else ()
        surplus_files = []
        for file, status in files:
            if surplus > 0 and DiscordSource.uri_of(file.name) not in stay:
                surplus -= status.st_size
                surplus_files.append(file)
        if surplus > 0:
            return False
        for file in surplus_files:
            _delete(file)
        return True


def _delete(file: Path) -> None:
    uri = DiscordSource.uri_of(file.name)
    Track.objects.filter(uri=uri).update(available=False)
    file.unlink(missing_ok=True)
    log.info("Deleted the file of %s to make room for another", uri)


def _kept_files() -> list[tuple[Path, os.stat_result]]:
    """Return the files, the one that was not used for longest first. Deletes abandoned downloads."""
    found = []
    for file in _folder().glob("*"):
        with suppress(FileNotFoundError):  # another process has deleted it
            found.append((file, file.stat()))
    for file, status in found:
        if file.suffix == _DRAFT and time.time() - status.st_mtime > ABANDONED_SECONDS:
            file.unlink(missing_ok=True)
    kept = [each for each in found if each[0].suffix != _DRAFT]
    return sorted(kept, key=lambda each: each[1].st_mtime)


def download(attached: Attached) -> TrackInfo:
    """Download a file, keep it, and read its tags. Blocking, for a worker thread. Raises FileRefused."""
    check_size(attached, attached.size)
    try:
        with _draft() as draft:
            uri = DiscordSource.uri_of(attachment_id(_fetch(attached, draft)))
            source = DiscordSource(options_for(uri))
            info = source.describe(uri, probe(draft), title=attached.title)
            draft.replace(source.path_of(uri))
            return info
    except SourceError as error:
        raise _refusal(attached, error) from error


def save_attachment(info: TrackInfo) -> Track:
    """Save what `download` returned as a track. A file that was kept before keeps its title."""
    track = Track.objects.filter(uri=info.uri).first() or Track(uri=info.uri, source=info.source)
    if track.pk is None or not track.available:
        apply_info(track, info)
    return track


def check_size(attached: Attached, size: int | None) -> None:
    """Raises FileRefused for a file that is too large, or empty."""
    if size == 0:
        raise FileRefused(lazy_text(gettext_noop("“%(name)s” is empty."), name=attached.name))
    if size is not None and size > settings.ATTACHMENT_MAX_MB * MB:
        limit = lazy(number_format, str)(settings.ATTACHMENT_MAX_MB, force_grouping=True)
        sentence = gettext_noop("“%(name)s” is too large (limit %(limit)s MB).")
        raise FileRefused(lazy_text(sentence, name=attached.name, limit=limit))


@contextmanager
def _draft() -> Iterator[Path]:
    """Give the path of a new file. What the block leaves there is deleted."""
    _folder().mkdir(mode=0o700, exist_ok=True)
    draft = _folder() / f"{uuid.uuid4().hex}{_DRAFT}"
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _fetch(attached: Attached, draft: Path) -> bytes:
    """Write the file to `draft`. Returns its SHA-256. Raises SourceError and FileRefused."""
    media = HttpSource(options_for(attached.link)).open(attached.link)
    digest, count = hashlib.sha256(), 0
    try:
        with Deadline(DOWNLOAD_SECONDS, media.close), draft.open("wb") as file:
            while data := _read(media):
                digest.update(data)
                file.write(data)
                count += len(data)
                check_size(attached, count)
    finally:
        media.close()
    check_size(attached, count)
    return digest.digest()


def _read(media: HttpMedia) -> bytes:
    try:
        return media.read(PIECE_BYTES)
    except ValueError as error:  # closed by the deadline
        raise SourceError("TOO_SLOW", "", permanent=False) from error


def _refusal(attached: Attached, error: SourceError) -> FileRefused:
    match error.code:
        case "NOT_FOUND":
            sentence = gettext_noop("“%(name)s” is no longer available in Discord. Upload it again.")
        case "UNDECODABLE" | "PLAYLIST" | "UNREADABLE":
            sentence = gettext_noop("“%(name)s” is not an audio file, or is damaged.")
        case _:
            log.warning("Could not download an attachment: %s", error.code)
            sentence = gettext_noop("“%(name)s” could not be downloaded from Discord. Try again in a moment.")
    return FileRefused(lazy_text(sentence, name=attached.name))


def _folder() -> Path:
    return options_for("").attachments
