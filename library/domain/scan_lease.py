"""A lease, so that only one process at a time scans the library's folder. Its row also shows how far the scan is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from database.owners import is_free, lease_owner
from library.models import ScanLease

LEASE = timedelta(seconds=60)  # long enough to read one large file from a slow disk
RENEW_SECONDS = 1.0


@dataclass(slots=True)
class Counts:
    """Files of a scan. `read`: those that are new or changed. `gone`: tracks whose file is gone."""

    total: int = 0
    done: int = 0
    read: int = 0
    skipped: int = 0
    gone: int = 0


class Scan:
    """A running scan. `owner` is its name in the lease. `is_whole`: it shows its counts, unlike a scan of some folders.
    `is_resumed`: the whole scan before it did not finish."""

    def __init__(self, owner: str, *, is_whole: bool = True, is_resumed: bool = False) -> None:
        self.owner = owner
        self.is_whole = is_whole
        self.is_resumed = is_resumed
        self.counts = Counts()
        self._renewed_at = time.monotonic()

    def goes_on(self) -> bool:
        """Renew the lease and write the counts; call it between two files. Returns False if another process has taken
        over."""
        if time.monotonic() - self._renewed_at < RENEW_SECONDS:
            return True
        self._renewed_at = time.monotonic()
        held = ScanLease.objects.filter(owner=self.owner)
        return bool(held.update(expires_at=timezone.now() + LEASE, **self._shown()))

    def finish(self) -> None:
        """Note that the whole library was scanned."""
        if self.is_whole:
            held = ScanLease.objects.filter(owner=self.owner)
            held.update(finished_at=timezone.now(), **self._shown())

    def _shown(self) -> dict[str, int]:
        return asdict(self.counts) if self.is_whole else {}


@contextmanager
def scan_lease(*, is_whole: bool = True) -> Iterator[Scan | None]:
    """Hold the lease inside the `with` block. Gives None if another running process has it."""
    owner = lease_owner()
    holder = _take(owner, is_whole=is_whole)
    if holder is None:
        yield None
        return
    try:
        is_resumed = holder.started_at is not None and holder.finished_at is None
        yield Scan(owner, is_whole=is_whole, is_resumed=is_resumed)
    finally:
        ScanLease.objects.filter(owner=owner).update(owner="")


def _take(owner: str, *, is_whole: bool) -> ScanLease | None:
    """Take the lease. Returns its row as it was before, None if another process has it."""
    now = timezone.now()
    ScanLease.objects.bulk_create([ScanLease(expires_at=now)], ignore_conflicts=True)
    holder = ScanLease.objects.get()
    if not is_free(holder.owner, holder.expires_at, now=now):
        return None
    # A conditional update: of several processes that saw the same holder, only one gets the lease.
    free = Q(owner=holder.owner, expires_at=holder.expires_at)
    new: dict[str, Any] = {"owner": owner, "expires_at": now + LEASE}
    if is_whole:
        new |= {"started_at": now, "finished_at": None, **asdict(Counts())}
    return holder if ScanLease.objects.filter(free).update(**new) else None
