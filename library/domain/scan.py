"""Keep the library's tracks in sync with its folder."""

from __future__ import annotations

import logging
from itertools import batched

from django.conf import settings

from library.domain.catalog import IN_STATEMENT, Touched, place_tracks, settle
from library.domain.configured import configured_source
from library.domain.scan_lease import Scan, scan_lease
from library.domain.tracks import fill, save_track
from library.models import MAX_FOLDER, Track
from library.signals import track_read
from library.sources import SourceError, library

log = logging.getLogger(__name__)


def scan_library() -> tuple[int, int]:
    """Read new and changed files, and mark tracks whose file is gone. Returns `(read, gone)`.

    A file that is not audio is skipped with a log message, and read again when it changes. Returns `(0, 0)` while
    another process scans the folder.
    """
    with scan_lease() as scan:
        return _scan(scan) if scan is not None else (0, 0)


def _scan(scan: Scan) -> tuple[int, int]:
    known = {track.uri: track for track in Track.objects.filter(source="library")}
    seen: set[str] = set()
    read, touched = 0, Touched()
    for file in library.walk(settings.MEDIA_LIBRARY):
        uri = f"library:{file.id}"
        seen.add(uri)
        track = known.get(uri) or Track(uri=uri, source="library")
        if (track.file_mtime_ns, track.file_size) == (file.mtime_ns, file.size) and (
            track.available or track.resolved_at is None
        ):
            continue
        if not scan.goes_on():
            return read, 0
        track.file_mtime_ns, track.file_size = file.mtime_ns, file.size
        try:
            info = configured_source(uri).resolve(uri)
        except SourceError as error:
            log.warning('Skipped library file "%s": %s', file.name, error.detail)
            info = None
        except Exception:
            # One file with an unexpected error must not prevent the others from being read.
            log.exception('Skipped library file "%s": unexpected error', file.name)
            info = None
        if info is None:
            track.available, track.resolved_at = False, None
            save_track(track)
            continue
        fill(track, info)
        track.path, track.folder = file.below, file.below.rpartition("/")[0][:MAX_FOLDER]
        place_tracks([(track, info.details)], touched)
        save_track(track)
        track_read.send(sender=None, track=track)
        read += 1
    gone = [track.pk for uri, track in known.items() if uri not in seen and track.available]
    for part in batched(gone, IN_STATEMENT):
        Track.objects.filter(pk__in=part).update(available=False)
    touched.note_tracks(gone)
    settle(touched)
    return read, len(gone)
