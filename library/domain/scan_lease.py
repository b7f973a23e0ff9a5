"""A lease, so that only one process at a time scans the library's folder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from database.owners import is_free, lease_owner
from library.models import ScanLease

LEASE = timedelta(seconds=60)  # long enough to read one large file from a slow disk
RENEW_SECONDS = 10.0


class Scan:
    """A running scan. `owner` is its name in the lease."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._renewed_at = time.monotonic()

    def goes_on(self) -> bool:
        """Renew the lease; call it between two files. Returns False if another process has taken over."""
        if time.monotonic() - self._renewed_at < RENEW_SECONDS:
            return True
        self._renewed_at = time.monotonic()
        held = ScanLease.objects.filter(owner=self.owner)
        return bool(held.update(expires_at=timezone.now() + LEASE))


@contextmanager
def scan_lease() -> Iterator[Scan | None]:
    """Hold the lease inside the `with` block. Gives None if another running process has it."""
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
    # A conditional update: of several processes that saw the same holder, only one gets the lease.
    free = Q(owner=holder.owner, expires_at=holder.expires_at)
    return bool(ScanLease.objects.filter(free).update(owner=owner, expires_at=now + LEASE))
