"""Ask the bot's process for a scan of everything."""

from __future__ import annotations

from django.utils import timezone

from library.models import ScanLease


def request_scan() -> None:
    """Ask for a scan that reads unchanged files too. It begins within seconds, after a scan that runs now."""
    now = timezone.now()
    ScanLease.objects.update_or_create(
        pk=1, defaults={"requested_at": now}, create_defaults={"requested_at": now, "expires_at": now}
    )


def is_scan_wanted() -> bool:
    """Return whether somebody has asked for a scan since the last one began, and forget it."""
    asked = ScanLease.objects.exclude(requested_at=None)
    return asked.exists() and bool(
        asked.update(requested_at=None)
    )  # a read first, because it is called often
