"""The delay before the next attempt to connect."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Full jitter: a random delay, in seconds, up to a ceiling that doubles with each failure.

    A thousand clients that lost their server reconnect spread over the whole time instead of in waves (AWS
    Architecture Blog, "Exponential Backoff And Jitter").
    """

    base: float = 0.5
    cap: float = 15.0

    def delay(self, failures: int) -> float:
        """Return the delay in seconds after this many failures in a row (1 or more)."""
        ceiling = min(self.cap, self.base * 2.0 ** min(failures - 1, 32))
        return random.uniform(0, ceiling)
