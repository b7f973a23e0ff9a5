"""How much one socket, and one person with all of theirs, may send.

A token bucket: it holds `burst` and fills up by `rate` a second. What costs a message costs one, and one more
for each 32 KiB of it, so that many small messages and few large ones are held alike. Each process counts for itself.
"""

from __future__ import annotations

import time
from weakref import WeakValueDictionary

BYTES_EACH = 32_768
SOCKET_RATE, SOCKET_BURST = 100.0, 500.0
USER_RATE, USER_BURST = 300.0, 1500.0
MAX_REFUSED = 100  # who goes on after that many errors does not listen


class Bucket:
    """`take` at times that never go back."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate = rate
        self.burst = burst
        self._level = burst
        self._at: float | None = None

    def missing(self, cost: float, *, now: float) -> float:
        """Return the seconds until `cost` could be taken, 0 when it can."""
        if self._at is not None:
            self._level = min(self.burst, self._level + (now - self._at) * self.rate)
        self._at = now
        # A cost above the burst is let through a full bucket, or it would never be.
        return max(0.0, (min(cost, self.burst) - self._level) / self.rate)

    def take(self, cost: float) -> None:
        self._level -= cost


_of_users: WeakValueDictionary[int, Bucket] = WeakValueDictionary()


class Meter:
    """What one socket has sent. `refused` counts its messages that were too many; two good ones make up for one.

    Not only those in a row: a small message that passes between large ones that do not would hide a flood.
    """

    def __init__(self) -> None:
        self.refused = 0.0
        self._buckets = [Bucket(SOCKET_RATE, SOCKET_BURST)]

    def belongs_to(self, user_id: int) -> None:
        """From here on this person's other sockets count as well."""
        self._buckets[1:] = [_of_users.setdefault(user_id, Bucket(USER_RATE, USER_BURST))]

    def charge(self, size: int) -> float:
        """Count a message of that many bytes. Returns 0, or in how many seconds it may be said again."""
        cost, now = 1.0 + size / BYTES_EACH, time.monotonic()
        wait = max(bucket.missing(cost, now=now) for bucket in self._buckets)
        if wait > 0:
            self.refused += 1
            return wait
        self.refused = max(0.0, self.refused - 0.5)
        for bucket in self._buckets:
            bucket.take(cost)
        return 0.0
