"""Keep the tracks of the library as the folder is."""

from __future__ import annotations

import logging

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from queue_app.artwork import store_artwork
from queue_app.domain.find import search_key
from queue_app.domain.guild_state import GuildState, open_guild
from queue_app.domain.scan_lease import Scan, scan_lease
from queue_app.models import ItemState, QueueItem, Track
from queue_app.sources import SourceError, TrackInfo, library, resolve
from realtime.origin import BOT

MAX_URL = 2000

log = logging.getLogger(__name__)


def apply_info(track: Track, info: TrackInfo) -> None:
    """Save what a source said about a track."""
    track.title = (info.title or "")[:300] or None
    track.artist = (info.artist or "")[:300] or None
    track.album = (info.album or "")[:300] or None
    track.url = info.url if len(info.url or "") <= MAX_URL else None  # encoding makes links longer
    track.duration_ms = info.duration_ms
    track.is_live = info.is_live
    track.artwork = store_artwork(info.artwork, info.artwork_type)
    track.search_text = " ".join(search_key(part) for part in (info.title, info.artist, info.album) if part)
    track.available = True
    track.resolved_at = timezone.now()
    save_track(track)


def save_track(track: Track) -> None:
    """Save a track, a new one over a row that another process made of its uri meanwhile."""
    if track.pk is not None:
        track.save()
        return
    fields = [
        field.name for field in Track._meta.concrete_fields if field.name not in ("id", "uri", "created_at")
    ]
    Track.objects.bulk_create([track], update_conflicts=True, unique_fields=["uri"], update_fields=fields)


def say_resolved(state: GuildState, track: Track) -> None:
    """Append a TrackResolved for each item of the guild that shows this track."""
    items = QueueItem.objects.filter(
        guild_id=state.guild_id, track=track, state__in=(ItemState.QUEUED, ItemState.PLAYING)
    )
    for item in items.select_related("track", "requested_by"):
        state.append("TrackResolved", item=item)


def announce_track(track: Track, *, besides: str = "") -> None:
    """Tell every guild that has the track in its queue, `besides` excepted, what is known of it now.

    A transaction per guild: two stores locked at once, by two processes, could wait for each other.
    """
    guild_ids = (
        QueueItem.objects.filter(track=track, state__in=(ItemState.QUEUED, ItemState.PLAYING))
        .exclude(guild_id=besides)
        .values_list("guild_id", flat=True)
        .order_by("guild_id")
        .distinct()
    )
    for guild_id in list(guild_ids):
        with transaction.atomic():
            say_resolved(open_guild(guild_id, origin=BOT), track)


def scan_library() -> tuple[int, int]:
    """Read files that are new or changed, mark those that are gone. Returns `(read, gone)`.

    A file that is no audio is skipped with a line in the log and looked at again when it changes. While another
    process reads the folder there is nothing to do.
    """
    with scan_lease() as scan:
        return _scan(scan) if scan is not None else (0, 0)


def _scan(scan: Scan) -> tuple[int, int]:
    root = settings.MEDIA_LIBRARY
    known = {track.uri: track for track in Track.objects.filter(source="library")}
    seen: set[str] = set()
    read = 0
    for file in library.walk(root):
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
            info = resolve(uri, library=root, allow_private=(), tag_encoding=settings.LIBRARY_TAG_ENCODING)
        except SourceError as error:
            log.warning('Skipped library file "%s": %s', file.name, error.detail)
            info = None
        except Exception:
            # What a strange file brings up must not hide all others.
            log.exception('Skipped library file "%s", which could not be read', file.name)
            info = None
        if info is None:
            track.available, track.resolved_at = False, None
            save_track(track)
            continue
        apply_info(track, info)
        announce_track(track)
        read += 1
    gone = [track.pk for uri, track in known.items() if uri not in seen and track.available]
    Track.objects.filter(pk__in=gone).update(available=False)
    return read, len(gone)
