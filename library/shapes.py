"""How REST and events show a track."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from library.models import Album, Artist, Track
from library.rows import TrackRow


def track_shape(track: Track | TrackRow) -> dict[str, Any]:
    return {
        "uri": track.uri,
        "title": track.title,
        "artist": track.artist,
        "album": track.album,
        "url": track.url,
        "duration_ms": track.duration_ms,
        "artwork_url": artwork_url(track.artwork),
        "source": track.source,
        "is_live": track.is_live,
    }


def artwork_url(name: str) -> str | None:
    return f"{settings.API_BASE_URL}/artwork/{name}" if name else None


def catalog_track_shape(track: Track) -> dict[str, Any]:
    """Return a track as lists of the catalog show it: with its album and artist, which should be loaded."""
    return track_shape(track) | {
        "album_uri": track.in_album.uri if track.in_album else None,
        "artist_uri": track.by_artist.uri if track.by_artist else None,
        "disc": track.disc,
        "number": track.number,
        "year": track.year,
        "genre": track.genre or None,
    }


def album_shape(album: Album) -> dict[str, Any]:
    """Return an album. Its artist should be loaded."""
    return {
        "uri": album.uri,
        "id": album.uid,
        "title": album.title,
        "artist": artist_name(album),
        "artist_uri": album.artist.uri if album.artist else None,
        "year": album.year,
        "is_compilation": album.is_compilation,
        "track_count": album.track_count,
        "artwork_url": artwork_url(album.artwork),
        "source": album.source,
    }


def artist_name(album: Album) -> str | None:
    return album.artist.name if album.artist else None


def artist_shape(artist: Artist) -> dict[str, Any]:
    return {
        "uri": artist.uri,
        "id": artist.uid,
        "name": artist.name,
        "track_count": artist.track_count,
        "artwork_url": artwork_url(artist.artwork),
        "source": artist.source,
    }
