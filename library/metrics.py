"""Metrics of the library. The process that scans has them: the bot's."""

from __future__ import annotations

from django.db.models import Count
from prometheus_client import Counter, Gauge

from library.models import Track

LIBRARY_TRACKS = Gauge(
    "backline_library_tracks",
    "Tracks in the database, after the last scan.",
    ["source", "available"],
    multiprocess_mode="mostrecent",
)
LIBRARY_FILES = Counter("backline_library_files", "Files that scans have read, skipped or missed.", ["what"])
LIBRARY_SCANNED = Gauge(
    "backline_library_scan_timestamp_seconds",
    "When the last scan of the whole library ended.",
    multiprocess_mode="mostrecent",
)


def count_scan(*, read: int, skipped: int, gone: int, is_whole: bool) -> None:
    """Count what a finished scan has done."""
    for what, count in (("read", read), ("skipped", skipped), ("gone", gone)):
        LIBRARY_FILES.labels(what).inc(count)
    if is_whole:
        LIBRARY_SCANNED.set_to_current_time()
    if is_whole or read or gone:
        rows = Track.objects.order_by().values_list("source", "available").annotate(Count("pk"))
        for source, available, count in rows:
            LIBRARY_TRACKS.labels(source, "true" if available else "false").set(count)
