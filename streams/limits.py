"""Limits on how many frames, and bytes of frames, one socket and one person may send.

Messages have the same limits as on `/sync`. Each process counts separately. Frames above the limit are dropped,
because the next frame is newer anyway.
"""

from __future__ import annotations

import time
from weakref import WeakValueDictionary

from realtime.limits import Bucket

SOCKET_FRAMES, SOCKET_BYTES = 60.0, 6_000_000.0  # per second
USER_FRAMES, USER_BYTES = 240.0, 24_000_000.0
BURST_SECONDS = 2.0
MAX_CREDIT = 2  # unacknowledged frames of one consumer; with more, frames would be old when shown


class Allowance:
    """Frames and bytes per second."""

    def __init__(self, frames: float, size: float) -> None:
        self.frames = Bucket(frames, frames * BURST_SECONDS)
        self.bytes = Bucket(size, size * BURST_SECONDS)


_of_users: WeakValueDictionary[int, Allowance] = WeakValueDictionary()


class FrameMeter:
    """Counts the frames of one socket. Each refused frame adds 1 to `refused`, each accepted one subtracts 2."""

    def __init__(self, user_id: int) -> None:
        self.refused = 0
        theirs = _of_users.setdefault(user_id, Allowance(USER_FRAMES, USER_BYTES))
        self._allowances = (Allowance(SOCKET_FRAMES, SOCKET_BYTES), theirs)

    def charge(self, size: int) -> float:
        """Count a frame of that many bytes. Returns 0, or after how many seconds the client may send one again."""
        now = time.monotonic()
        wait = max(
            max(each.frames.missing(1, now=now), each.bytes.missing(size, now=now))
            for each in self._allowances
        )
        if wait > 0:
            self.refused += 1
            return wait
        self.refused = max(0, self.refused - 2)
        for each in self._allowances:
            each.frames.take(1)
            each.bytes.take(size)
        return 0.0
