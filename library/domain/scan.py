"""Keep the library's tracks in sync with its folder."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Iterator
from itertools import batched, groupby
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q

from database.statements import IN_STATEMENT
from library.domain.catalog import Touched, settle, settle_everything
from library.domain.configured import options_for
from library.domain.scan_lease import Scan, scan_lease
from library.domain.scanned import ReadTrack, save_files
from library.metrics import count_scan
from library.models import MAX_FOLDER, Track
from library.queries import in_folder
from library.signals import track_read
from library.sources import SourceError
from library.sources.cue_files import Cue
from library.sources.file_names import are_numbered
from library.sources.fingerprint import audio_hash
from library.sources.library import LibraryFile, LibrarySource, walk
from library.spelling import forget_unused_words

log = logging.getLogger(__name__)

AT_ONCE = 100  # files in one transaction, which takes about 50 ms
AT_MOST_SECONDS = 2.0  # until what was read is saved
SETTLE_SECONDS = 10.0


def scan_library(*, everything: bool = False) -> tuple[int, int]:
    """Read new and changed files, and mark tracks whose file is gone. Returns `(read, gone)`.

    With `everything`, unchanged files are read too. A file that is not audio is skipped with a log message, and read
    again when it changes. A scan that was killed is resumed by the next one, because files are saved as they are read.
    Returns `(0, 0)` while another process scans the folder.
    """
    with scan_lease() as scan:
        if scan is None:
            return 0, 0
        if scan.is_resumed:
            settle_everything()
        return _Run(scan, everything=everything).run()


def scan_folders(folders: Collection[str]) -> tuple[int, int] | None:
    """Scan some folders with all that is below them, as `scan_library` does. None while another process scans.

    A folder is a path below the library (`stored_path`), "" for the whole library.
    """
    if "" in folders:
        folders = [""]
    with scan_lease(is_whole=False) as scan:
        return None if scan is None else _Run(scan, folders=_outermost(folders)).run()


def _outermost(folders: Collection[str]) -> list[str]:
    """Return the folders that are not inside another one of them."""
    kept: list[str] = []
    for folder in sorted(folders):
        if not any(folder.startswith(f"{other}/") or not other for other in kept):
            kept.append(folder)
    return kept


class _Known(NamedTuple):
    """What the database says of a file, or of a track of its cue sheet."""

    pk: int
    section: int
    mtime_ns: int | None
    size: int | None
    available: bool
    was_read: bool

    def fits(self, file: LibraryFile) -> bool:
        return (self.mtime_ns, self.size) == (file.mtime_ns, file.size)


class _Run:
    """One scan of some folders."""

    def __init__(self, scan: Scan, *, folders: Collection[str] = ("",), everything: bool = False) -> None:
        self._scan = scan
        self._folders = folders
        self._everything = everything
        self._root = Path(settings.MEDIA_LIBRARY)
        self._source = LibrarySource(options_for(""))
        self._known = _read_known(folders)
        self._read: list[ReadTrack] = []
        self._back: list[int] = []
        self._replaced: list[int] = []
        self._touched = Touched()
        self._saved_at = self._settled_at = time.monotonic()

    def run(self) -> tuple[int, int]:
        files = [file for folder in self._folders for file in walk(self._root, folder=folder)]
        counts = self._scan.counts
        counts.total = len(files)
        for _, group in groupby(files, key=lambda file: file.folder):
            for read in self._read_folder(list(group)):
                if not self._scan.goes_on():
                    return counts.read, 0
                self._read += read
                if len(self._read) >= AT_ONCE or time.monotonic() - self._saved_at > AT_MOST_SECONDS:
                    self._save()
        self._save()
        self._mark_gone({file.below for file in files})
        settle(self._touched)
        if self._everything:
            forget_unused_words()
        self._scan.finish()
        count_scan(read=counts.read, skipped=counts.skipped, gone=counts.gone, is_whole=self._scan.is_whole)
        return counts.read, counts.gone

    def _read_folder(self, files: list[LibraryFile]) -> Iterator[list[ReadTrack]]:
        """Read those files of one folder that are new or changed. Yields the tracks of each file, none if unchanged."""
        numbered = are_numbered([file.path.stem for file in files])
        cues: dict[str, Cue] | None = None
        for file in files:
            self._scan.counts.done += 1
            known = self._known.get(file.below) or self._known.get(f"library:{file.id}") or []
            # The rows of an earlier cue sheet, or of none, do not fit the file any longer (`_replace`).
            current = [each for each in known if each.fits(file)]
            if current and not self._everything:
                self._back += [each.pk for each in current if not each.available and each.was_read]
                yield []
                continue
            if cues is None:
                names = [each.path.name for each in files]
                cues = self._source.read_cues(file.path.parent, file.sheets, names)
            yield self._read_file(file, known, numbered=numbered, cues=cues)

    def _read_file(
        self, file: LibraryFile, known: list[_Known], *, numbered: bool, cues: dict[str, Cue]
    ) -> list[ReadTrack]:
        had = {each.section: each.pk for each in known}
        read: list[ReadTrack] = []
        try:
            path = file.path
            infos = self._source.read(path, numbered=numbered, cues=cues)
            digest = audio_hash(path)
            read = [ReadTrack(file, info, digest, had.get(info.section)) for info in infos]
        except SourceError as error:
            log.warning('Skipped library file "%s": %s', file.name, error.detail)
        except Exception:
            # One file with an unexpected error must not prevent the others from being read.
            log.exception('Skipped library file "%s": unexpected error', file.name)
        read = read or [ReadTrack(file, None, "", known[0].pk if known else None)]
        kept = {each.pk for each in read}
        self._replaced += [each.pk for each in known if each.pk not in kept]
        return read

    def _save(self) -> None:
        """Save what was read so far, and announce the tracks that were known before."""
        files, self._read, self._saved_at = self._read, [], time.monotonic()
        self._restore()
        self._replace()
        if files:
            saved = save_files(self._root, files, self._touched)
            self._scan.counts.read += len({track.path for track in saved.tracks})
            self._scan.counts.skipped += sum(each.info is None for each in files)
            for track in saved.changed:
                track_read.send(sender=None, track=track)
        if time.monotonic() - self._settled_at > SETTLE_SECONDS:
            settle(self._touched)
            self._settled_at = time.monotonic()

    def _restore(self) -> None:
        """Make tracks available again whose unchanged files have come back."""
        back, self._back = self._back, []
        self._scan.counts.read += len(back)
        self._touched.note_tracks(back)
        for part in batched(back, IN_STATEMENT):
            Track.objects.filter(pk__in=part).update(available=True)

    def _replace(self) -> None:
        """Hide the tracks that a file no longer has: the whole file behind its cue sheet, or the sheet's tracks.

        They fit no file after this, so if the scan is killed now, the next one reads the file again.
        """
        replaced, self._replaced = self._replaced, []
        self._touched.note_tracks(replaced)
        for part in batched(replaced, IN_STATEMENT):
            Track.objects.filter(pk__in=part).update(available=False, file_mtime_ns=None, file_size=None)

    def _mark_gone(self, seen: set[str]) -> None:
        """Mark the tracks whose file is gone. A file that was moved has a new path by now, so it is not among them."""
        candidates = [
            each.pk
            for path, known in self._known.items()
            for each in known
            if path not in seen and each.available
        ]
        for part in batched(candidates, IN_STATEMENT):
            there = Track.objects.filter(pk__in=part, available=True).only("path", "in_album", "by_artist")
            gone = [track for track in there if track.path not in seen]
            for track in gone:
                self._touched.note(track)
            self._scan.counts.gone += len(gone)
            Track.objects.filter(pk__in=[track.pk for track in gone]).update(available=False)


def _read_known(folders: Iterable[str]) -> dict[str, list[_Known]]:
    """Return the tracks of some folders by path. A track that was never scanned by this version has its uri instead."""
    tracks = Track.objects.filter(source="library")
    if "" not in folders:
        inside = Q()
        for folder in folders:
            inside |= in_folder(folder[:MAX_FOLDER])
        tracks = tracks.filter(inside)
    rows = tracks.values_list(
        "path", "uri", "pk", "section", "file_mtime_ns", "file_size", "available", "resolved_at"
    ).iterator(chunk_size=2000)
    known: dict[str, list[_Known]] = {}
    for path, uri, pk, section, mtime_ns, size, available, resolved_at in rows:
        row = _Known(pk, section, mtime_ns, size, available, resolved_at is not None)
        known.setdefault(path or uri, []).append(row)
    return known
