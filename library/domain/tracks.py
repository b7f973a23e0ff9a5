"""Save what sources know about tracks."""

from __future__ import annotations

from django.utils import timezone

from library.artwork import store_artwork
from library.domain.find import search_key
from library.models import Track
from library.sources import TrackInfo

MAX_URL = 2000


def apply_info(track: Track, info: TrackInfo) -> None:
    """Save a source's information about a track."""
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
    """Save a track. A new track overwrites a row that another process has created for the same uri."""
    if track.pk is not None:
        track.save()
        return
    fields = [
        field.name for field in Track._meta.concrete_fields if field.name not in ("id", "uri", "created_at")
    ]
    Track.objects.bulk_create([track], update_conflicts=True, unique_fields=["uri"], update_fields=fields)
