"""Files that people upload in parts: checked, kept by their content, and deleted with all that belongs to them."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import time
import uuid
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from accounts.models import User
from database.locks import lock_until_commit
from guilds.models import Guild
from library.artwork import artwork_folder
from library.domain.configured import options_for
from library.domain.tracks import apply_info
from library.errors import (
    FileRefused,
    TooManyUnfinished,
    UploadNotFound,
    UploadOutOfStep,
    UploadQuotaReached,
    UploadsOff,
    UploadTooLarge,
)
from library.models import Track, Upload
from library.signals import track_read, track_withdrawn
from library.sources import SourceError, TrackInfo
from library.sources.probe import probe
from library.sources.tags import clean
from library.sources.upload import UploadSource
from library.spelling import note_words_of

log = logging.getLogger(__name__)

MB = 1_000_000
PART_BYTES = 1_000_000  # a request body may have two megabytes
MAX_NAME = 200
MAX_UNFINISHED = 50  # of a person; the page sends one after the other
ABANDONED = timedelta(hours=24)
_PIECE_BYTES = 256 * 1024


# --- Receiving ---


def begin_upload(user: User, *, name: str, size: int, guild: Guild | None) -> Upload:
    """Begin to receive a file of `size` bytes. The caller has checked the person's rights in the guild.

    Raises UploadsOff, UploadTooLarge, UploadQuotaReached, TooManyUnfinished, and FileRefused for an empty file.
    """
    if not settings.UPLOADS:
        raise UploadsOff
    if size == 0:
        raise FileRefused(_("“%(name)s” is empty.") % {"name": _clean_name(name)})
    if size > settings.UPLOAD_MAX_MB * MB:
        raise UploadTooLarge(
            _("The file is too large (limit %(limit)s MB).") % {"limit": _mb("UPLOAD_MAX_MB")}
        )
    with transaction.atomic():
        # The limits of a person, a guild and the installation are sums over rows.
        lock_until_commit("uploads")
        _check_count(user)
        _check_room(user, size, guild)
        return Upload.objects.create(user=user, guild=guild, name=_clean_name(name), size=size)


def _clean_name(name: str) -> str:
    return (clean(PurePosixPath(name.replace("\\", "/")).name) or "Untitled")[:MAX_NAME]


def _check_count(user: User) -> None:
    if Upload.objects.filter(user=user, track=None).count() >= MAX_UNFINISHED:
        sentence = _("You have %(limit)s unfinished uploads. Finish or cancel some of them first.")
        raise TooManyUnfinished(sentence % {"limit": MAX_UNFINISHED})


def _check_room(user: User, size: int, guild: Guild | None) -> None:
    every = Upload.objects.all()
    if used(every.filter(user=user)) + size > settings.UPLOADS_PER_PERSON_MB * MB:
        sentence = _("Your uploads may use at most %(limit)s MB. Delete some that you no longer need.")
        raise UploadQuotaReached(sentence % {"limit": _mb("UPLOADS_PER_PERSON_MB")})
    if guild is not None and used(every.filter(guild=guild)) + size > settings.UPLOADS_PER_GUILD_MB * MB:
        sentence = _("The uploads for this server may use at most %(limit)s MB.")
        raise UploadQuotaReached(sentence % {"limit": _mb("UPLOADS_PER_GUILD_MB")})
    if used(every) + size > settings.UPLOADS_MAX_MB * MB:
        raise UploadQuotaReached(_("There is no room for more uploads on this installation."))


def used(uploads: QuerySet[Upload]) -> int:
    """Return the total size of these uploads, including parts that were not received yet."""
    return int(uploads.aggregate(sum=Sum("size"))["sum"] or 0)


def _mb(setting: str) -> str:
    return number_format(getattr(settings, setting), force_grouping=True)


def find_upload(user: User, upload_id: uuid.UUID) -> Upload:
    """Return a person's upload. Raises UploadNotFound."""
    upload = Upload.objects.select_related("track").filter(user=user, pk=upload_id).first()
    if upload is None:
        raise UploadNotFound
    return upload


def receive_part(user: User, upload_id: uuid.UUID, *, offset: int, part: bytes) -> Upload:
    """Append a part, which begins at `offset`. With the last one the file is checked and becomes a track.

    A part that was received already is ignored, because its answer may have been lost. Returns the upload, which is an
    earlier one if this person has uploaded the same file before. Raises UploadNotFound, UploadOutOfStep, and
    FileRefused for a file that is not audio or too long. Such a file is deleted.
    """
    upload = find_upload(user, upload_id)
    if _continues(upload, offset, part):
        upload = _append(upload, offset, part)
    if upload.received < upload.size or upload.track_id is not None:
        return upload
    return _finish(upload)


def _continues(upload: Upload, offset: int, part: bytes) -> bool:
    """Whether a part is new. Raises UploadOutOfStep."""
    if offset + len(part) <= upload.received and offset < upload.received:
        return False
    if offset != upload.received or len(part) > upload.size - offset:
        raise UploadOutOfStep
    return True


def _append(upload: Upload, offset: int, part: bytes) -> Upload:
    """Write a part, and only then record it: no transaction waits for the disk.

    The lock on the draft keeps two requests from writing at once. Nobody writes to a draft that is whole, so what was
    checked is what is kept.
    """
    draft = _draft_of(upload)
    draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        now = Upload.objects.filter(pk=upload.pk, track=None).first()
        if now is not None and _continues(now, offset, part):
            file.seek(offset)
            file.truncate()  # a process may have died after it wrote bytes that it did not record
            file.write(part)
            file.flush()
            Upload.objects.filter(pk=upload.pk, received=offset, track=None).update(
                received=offset + len(part), changed_at=timezone.now()
            )
    found = Upload.objects.select_related("track").filter(pk=upload.pk).first()
    if found is None or found.track_id is not None:
        draft.unlink(missing_ok=True)  # it was made again after another request had taken it away
    if found is None:
        raise UploadNotFound
    return found


def _finish(upload: Upload) -> Upload:
    """Make a track of a file that is whole, unless the upload was cancelled or finished meanwhile."""
    try:
        info = _read(upload, _draft_of(upload))
    except FileNotFoundError:
        return _finished(upload)
    except FileRefused:
        if not cancel_upload(upload):  # its draft may be missing because another request has finished it
            return _finished(upload)
        raise
    with transaction.atomic():
        locked = Upload.objects.select_for_update().filter(pk=upload.pk).first()
        if locked is None or locked.track_id is not None:
            return _finished(upload)
        kept = _keep(locked, info)
    track_read.send(Upload, track=kept.track)
    return kept


def _finished(upload: Upload) -> Upload:
    """Return an upload that another request has finished, or is finishing. Raises UploadNotFound."""
    with transaction.atomic():
        locked = Upload.objects.select_for_update().filter(pk=upload.pk).first()
        if locked is None or locked.track_id is None:
            raise UploadNotFound
        _draft_of(upload).unlink(missing_ok=True)  # this request may have made it again
        return Upload.objects.select_related("track").get(pk=upload.pk)


def _keep(upload: Upload, info: TrackInfo) -> Upload:
    """Give a locked upload its track and file. Returns this person's earlier upload of the same file, if any."""
    draft = _draft_of(upload)
    locked = Track.objects.select_for_update().filter(uri=info.uri).first()
    track = locked or Track(uri=info.uri, source=info.source)
    if track.pk is None or not track.available:
        apply_info(track, info)
        track = Track.objects.get(uri=info.uri)
        note_words_of([track])
    before = Upload.objects.filter(user=upload.user_id, track=track).exclude(pk=upload.pk).first()
    if before is None:
        upload.track = track
        upload.save(update_fields=["track"])
    else:
        upload.delete()
    _keep_file(draft, UploadSource(options_for(info.uri)).path_of(info.uri))
    return Upload.objects.select_related("track").get(pk=(before or upload).pk)


def _keep_file(draft: Path, kept: Path) -> None:
    """Give a draft its name. It keeps its old name as well until the transaction is committed, so that the last part
    can be sent again if it is not."""
    try:
        os.link(draft, kept)
    except FileExistsError:
        pass  # the same file, which somebody else has uploaded, or which is left of a transaction that failed
    except OSError:
        draft.replace(kept)  # a file system without hard links
    transaction.on_commit(partial(draft.unlink, missing_ok=True))


def _read(upload: Upload, draft: Path) -> TrackInfo:
    """Read a whole file. Its content decides what it is. Raises FileRefused."""
    uri = UploadSource.uri_of(_digest(draft))
    try:
        stem = PurePosixPath(upload.name).stem
        info = UploadSource(options_for(uri)).describe(uri, probe(draft), title=stem)
    except SourceError as error:
        sentence = _("“%(name)s” is not an audio file, or is damaged.")
        raise FileRefused(sentence % {"name": upload.name}) from error
    if (info.duration_ms or 0) > settings.UPLOAD_MAX_MINUTES * 60_000:
        sentence = _("“%(name)s” is too long (limit %(limit)s minutes).")
        raise FileRefused(sentence % {"name": upload.name, "limit": _mb("UPLOAD_MAX_MINUTES")})
    return info


def _digest(file: Path) -> bytes:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.digest()


def _draft_of(upload: Upload) -> Path:
    return options_for("").uploads / f"{upload.pk.hex}.part"


# --- Deleting ---


def delete_upload(upload: Upload) -> None:
    """Cancel an upload, or delete a person's file. If nobody else has it, remove it from all queues.

    `upload` may have been read before its last part came.
    """
    if cancel_upload(upload):
        return
    with transaction.atomic():
        # In the order of `_finish`: the upload, then its track.
        locked = Upload.objects.select_for_update().filter(pk=upload.pk).first()
        if locked is None:
            return
        track = Track.objects.select_for_update().get(uploads=locked)
        locked.delete()
        if track.uploads.exists():
            return
        _withdraw(track)
    track_withdrawn.send(Upload, track=track)


def cancel_upload(upload: Upload) -> bool:
    """Delete an upload that is not finished. Returns whether it did."""
    cancelled = bool(Upload.objects.filter(pk=upload.pk, track=None).delete()[0])
    if cancelled:
        transaction.on_commit(partial(_draft_of(upload).unlink, missing_ok=True))
    return cancelled


def _withdraw(track: Track) -> None:
    """Make a track unavailable, and delete its file and artwork once that is committed. The track itself stays in
    histories and playlists."""
    artwork = track.artwork
    track.available, track.artwork = False, ""
    track.save(update_fields=["available", "artwork"])
    transaction.on_commit(partial(_delete_file, track, artwork))


def _delete_file(track: Track, artwork: str) -> None:
    """Delete the file of a withdrawn track, unless somebody has uploaded it again since."""
    with transaction.atomic():
        if not Track.objects.select_for_update().filter(pk=track.pk, available=False).exists():
            return
        UploadSource(options_for(track.uri)).path_of(track.uri).unlink(missing_ok=True)
        if artwork and not Track.objects.filter(artwork=artwork).exists():
            (artwork_folder() / artwork).unlink(missing_ok=True)
    log.info("Deleted the file of %s", track.uri)


def delete_uploads_of(user: User) -> None:
    """Delete all uploads of a person who leaves. Files that others have uploaded too stay."""
    _delete_all(Upload.objects.filter(user=user))


def delete_abandoned() -> dict[str, int]:
    """Delete unfinished uploads that received no part for a day."""
    old = Upload.objects.filter(track=None, changed_at__lt=timezone.now() - ABANDONED)
    return {"abandoned uploads": _delete_all(old)}


def delete_stray_parts() -> dict[str, int]:
    """Delete the parts that a process left behind when it died."""
    old = time.time() - ABANDONED.total_seconds()
    drafts = [each for each in options_for("").uploads.glob("*.part") if each.stat().st_mtime < old]
    wanted = {_draft_of(upload) for upload in Upload.objects.filter(track=None)} if drafts else set()
    strays = [draft for draft in drafts if draft not in wanted]
    for draft in strays:
        draft.unlink(missing_ok=True)
    return {"stray parts of uploads": len(strays)}


def _delete_all(uploads: Iterable[Upload]) -> int:
    count = 0
    for upload in list(uploads):
        delete_upload(upload)
        count += 1
    return count
