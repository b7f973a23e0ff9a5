"""A bound on the time of a block that waits in other people's code."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Deadline:
    """Calls `action` from another thread when a block takes longer than `seconds`; `passed` says it did.

    A socket's time-out starts anew with each byte, so a server that trickles needs a bound from outside.
    """

    def __init__(self, seconds: float, action: Callable[[], None]) -> None:
        self._action = action
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self.passed = False

    def _expire(self) -> None:
        self.passed = True
        self._action()

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
