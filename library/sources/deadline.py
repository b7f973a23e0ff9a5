"""A time limit for a block of code that blocks in libraries."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Deadline:
    """Calls `action` from another thread when a block takes longer than `seconds`, and sets `passed`.

    A socket's timeout restarts with each byte, so a server that sends single bytes needs a limit from outside.
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
