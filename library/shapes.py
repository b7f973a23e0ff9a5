"""How REST and events show a track."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from library.models import Track
from library.rows import TrackRow


def track_shape(track: Track | TrackRow) -> dict[str, Any]:
    return {
        "uri": track.uri,
        "title": track.title,
        "artist": track.artist,
        "album": track.album,
        "url": track.url,
        "duration_ms": track.duration_ms,
        "artwork_url": f"{settings.API_BASE_URL}/artwork/{track.artwork}" if track.artwork else None,
        "source": track.source,
        "is_live": track.is_live,
    }
