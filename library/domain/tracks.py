"""Save what sources know about tracks."""

from __future__ import annotations

from django.db.models import F
from django.utils import timezone

from library.artwork import store_artwork
from library.models import Track
from library.sources import TrackInfo
from library.words import index_words, search_key

MAX_URL = 2000


def apply_info(track: Track, info: TrackInfo) -> None:
    """Save a source's information about a track."""
    fill(track, info)
    save_track(track)


def fill(track: Track, info: TrackInfo) -> None:
    """Put a source's information into a track, without saving it."""
    track.title = (info.title or "")[:300] or None
    track.artist = (info.artist or "")[:300] or None
    track.album = (info.album or "")[:300] or None
    track.url = info.url if len(info.url or "") <= MAX_URL else None  # encoding makes links longer
    track.duration_ms = info.duration_ms
    track.is_live = info.is_live
    track.artwork = store_artwork(info.artwork, info.artwork_type)
    details = info.details
    track.album_artist, track.disc, track.number = details.album_artist, details.disc, details.number
    track.year, track.genre = details.year, details.genre or ""
    track.section, track.start_ms, track.end_ms = info.section, info.start_ms, info.end_ms
    track.available = True
    track.resolved_at = timezone.now()
    set_words(track)


def set_words(track: Track) -> None:
    """Put the words into a track by which it is found."""
    title, artist, album = (search_key(text or "") for text in (track.title, track.artist, track.album))
    track.search_text = " ".join(filter(None, (title, artist, album)))
    track.title_key, track.title_words = title, index_words(title)
    both = dict.fromkeys([artist, search_key(track.album_artist or "")])
    track.artist_words, track.album_words = " ".join(map(index_words, filter(None, both))), index_words(album)


def count_play(track_id: int) -> None:
    """Count that a track was played, for the order of search results."""
    Track.objects.filter(pk=track_id).update(play_count=F("play_count") + 1)


def save_track(track: Track) -> None:
    """Save a track. A new track overwrites a row that another process has created for the same uri."""
    if track.pk is not None:
        update_track(track)
        return
    save_new([track])


def update_track(track: Track) -> None:
    """Save a track that was read before, without its plays, which may have been counted since."""
    fields = [field.name for field in Track._meta.concrete_fields if not field.primary_key]
    track.save(update_fields=[name for name in fields if name != "play_count"])


def save_new(tracks: list[Track]) -> None:
    """Save new tracks, which overwrite rows that another process has created for the same uris."""
    kept = ("id", "uri", "created_at", "play_count")
    fields = [field.name for field in Track._meta.concrete_fields if field.name not in kept]
    Track.objects.bulk_create(tracks, update_conflicts=True, unique_fields=["uri"], update_fields=fields)
