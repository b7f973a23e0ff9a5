"""Limits on how much one socket, and all sockets of one person together, may send.

A token bucket holds up to `burst` and refills by `rate` per second. A message costs one, and one more per 32 KiB,
so that many small messages and few large ones are limited alike. Each process counts separately.
"""

from __future__ import annotations

import time
from weakref import WeakValueDictionary

BYTES_EACH = 32_768
SOCKET_RATE, SOCKET_BURST = 100.0, 500.0
USER_RATE, USER_BURST = 300.0, 1500.0
MAX_REFUSED = 100  # a client that continues after so many errors ignores them


class Bucket:
    """A token bucket. `now` must never decrease from call to call."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._level = burst
        self._at: float | None = None

    def missing(self, cost: float, *, now: float) -> float:
        """Return the seconds until `cost` can be taken, 0 if it can be taken now."""
        if self._at is not None:
            self._level = min(self.burst, self._level + (now - self._at) * self.rate)
        self._at = now
        # A full bucket allows a cost above the burst, which would otherwise never be allowed.
        return max(0.0, (min(cost, self.burst) - self._level) / self.rate)

    def take(self, cost: float) -> None:
        self._level -= cost


_of_users: WeakValueDictionary[int, Bucket] = WeakValueDictionary()


class Meter:
    """Counts what one socket sends. Each refused message adds 1 to `refused`, each accepted one subtracts 0.5.

    Counting only consecutive refusals would hide a flood in which small messages pass between refused large ones.
    """

    def __init__(self) -> None:
        self.refused = 0.0
        self._buckets = [Bucket(SOCKET_RATE, SOCKET_BURST)]

    def belongs_to(self, user_id: int) -> None:
        """Share a second bucket with the person's other sockets from now on."""
        self._buckets[1:] = [_of_users.setdefault(user_id, Bucket(USER_RATE, USER_BURST))]

    def charge(self, size: int) -> float:
        """Count a message of that many bytes. Returns 0, or after how many seconds it may be sent again."""
        cost, now = 1.0 + size / BYTES_EACH, time.monotonic()
        wait = max(bucket.missing(cost, now=now) for bucket in self._buckets)
        if wait > 0:
            self.refused += 1
            return wait
        self.refused = max(0.0, self.refused - 0.5)
        for bucket in self._buckets:
            bucket.take(cost)
        return 0.0
