"""One process at a time reads the library's folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from database.owners import is_free, lease_owner
from library.models import ScanLease

LEASE = timedelta(seconds=60)  # a large file on a slow disk is read meanwhile
RENEW_SECONDS = 10.0


class Scan:
    """A scan under way; `owner` is its name for the lease."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._renewed_at = time.monotonic()

    def goes_on(self) -> bool:
        """Say between two files that we are still at it. Returns False when another process took over."""
        if time.monotonic() - self._renewed_at < RENEW_SECONDS:
            return True
        self._renewed_at = time.monotonic()
        held = ScanLease.objects.filter(owner=self.owner)
        return bool(held.update(expires_at=timezone.now() + LEASE))


@contextmanager
def scan_lease() -> Iterator[Scan | None]:
    """Hold the lease while inside; null while a living process has it."""
    owner = lease_owner()
    if not _take(owner):
        yield None
        return
    try:
        yield Scan(owner)
    finally:
        ScanLease.objects.filter(owner=owner).update(owner="")


def _take(owner: str) -> bool:
    now = timezone.now()
    ScanLease.objects.bulk_create([ScanLease(expires_at=now)], ignore_conflicts=True)
    holder = ScanLease.objects.get()
    if not is_free(holder.owner, holder.expires_at, now=now):
        return False
    # Conditional: of several who saw the same holder one gets it.
    free = Q(owner=holder.owner, expires_at=holder.expires_at)
    return bool(ScanLease.objects.filter(free).update(owner=owner, expires_at=now + LEASE))
