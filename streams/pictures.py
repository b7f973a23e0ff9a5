"""The newest picture of each stream, for thumbnails and alerts.

Each process that relays a frame keeps it in memory. With several processes it is also put into the shared cache, at
most once a second.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from django.conf import settings
from django.core.cache import cache

from streams.domain.alerts import Picture
from streams.models import Stream

MAX_BYTES = 64_000_000  # of all streams together; the longest silent streams are dropped first
SHARE_SECONDS = 1.0
SHARED_SECONDS = 60  # how long the cache keeps a picture
WITH_ALERT_SECONDS = 60.0  # an alert gets no older picture


@dataclass(frozen=True, slots=True)
class Shot:
    content_type: str
    data: memoryview
    taken_at: float  # Unix time, seconds


_newest: OrderedDict[str, Shot] = OrderedDict()
_bytes = 0
_shared_at: dict[str, float] = {}
_lock = threading.Lock()  # frames arrive on the event loop, requests read in threads


def image_type(payload: memoryview) -> str | None:
    """Detect the media type from the first bytes. None if browsers should not show it as a picture."""
    head = bytes(payload[:12])
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def keep(stream_id: str, payload: memoryview) -> Shot | None:
    """Keep a frame's payload, without copying it, if it is a picture. Returns None if it is not."""
    global _bytes
    content_type = image_type(payload)
    if content_type is None:
        return None
    shot = Shot(content_type, payload, time.time())
    with _lock:
        before = _newest.pop(stream_id, None)
        _newest[stream_id] = shot
        _bytes += payload.nbytes - (before.data.nbytes if before else 0)
        while _bytes > MAX_BYTES:
            gone, old = _newest.popitem(last=False)
            _bytes -= old.data.nbytes
            _shared_at.pop(gone, None)
    return shot


def due_to_share(stream_id: str, shot: Shot) -> bool:
    """Return whether to share this picture with other processes: at most once per SHARE_SECONDS and stream."""
    if not settings.REDIS_URL or shot.taken_at - _shared_at.get(stream_id, 0.0) < SHARE_SECONDS:
        return False
    _shared_at[stream_id] = shot.taken_at
    return True


def share(stream_id: str, shot: Shot) -> None:
    """Put a picture into the shared cache. Blocks, so call it in a thread."""
    cache.set(_key(stream_id), (shot.content_type, bytes(shot.data), shot.taken_at), SHARED_SECONDS)


def newest(stream: Stream) -> Shot | None:
    """Return the newest picture that any process has. May block."""
    shot = _find(stream.pk)
    # The id may have belonged to an earlier stream, and this process may not know that it was deleted.
    return shot if shot and shot.taken_at >= stream.created_at.timestamp() else None


def _find(stream_id: str) -> Shot | None:
    shot = _newest.get(stream_id)
    if settings.REDIS_URL and (shot is None or time.time() - shot.taken_at > 2 * SHARE_SECONDS):
        found = cache.get(_key(stream_id))
        if found is not None and (shot is None or found[2] > shot.taken_at):
            return Shot(found[0], memoryview(found[1]), found[2])
    return shot


def newest_for_alert(stream_id: str) -> Picture | None:
    """Like `newest`, but only of the last minute. `write_alert` checks that the stream is older than the picture."""
    shot = _find(stream_id)
    if shot is None or time.time() - shot.taken_at > WITH_ALERT_SECONDS:
        return None
    return Picture(shot.content_type, bytes(shot.data), shot.taken_at)


def _key(stream_id: str) -> str:
    return f"stream-picture:{stream_id}"
