"""Ask the bot's process for a scan of everything, and read its progress."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from database.owners import is_free
from library.models import ScanLease


def request_scan() -> None:
    """Ask for a scan that reads unchanged files too. It begins within seconds, after a scan that runs now."""
    now = timezone.now()
    ScanLease.objects.update_or_create(
        pk=1, defaults={"requested_at": now}, create_defaults={"requested_at": now, "expires_at": now}
    )


def is_scan_wanted() -> bool:
    """Return whether a scan was requested since the last one began, and clear the request."""
    asked = ScanLease.objects.exclude(requested_at=None)
    return asked.exists() and bool(
        asked.update(requested_at=None)
    )  # a read first, because it is called often


def scan_state() -> dict[str, Any]:
    """Return the progress of the scan, as REST and the pages show it."""
    lease = ScanLease.objects.first() or ScanLease(expires_at=timezone.now())
    running = lease.finished_at is None and not is_free(lease.owner, lease.expires_at, now=timezone.now())
    names = ("total", "done", "read", "skipped", "gone", "started_at", "finished_at")
    return {"running": running, "problem": lease.problem or None} | {
        name: getattr(lease, name) for name in names
    }
