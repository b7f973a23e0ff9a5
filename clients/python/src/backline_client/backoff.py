"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Full jitter: anything from nothing to a ceiling that doubles with each failure, in seconds.

    A thousand clients that lost one server come back spread over the whole span instead of in waves (AWS
    Architecture Blog, "Exponential Backoff And Jitter").
    """

    base: float = 0.5
    cap: float = 15.0

    def delay(self, failures: int) -> float:
        """Return the wait after so many failures in a row, the last one included."""
        ceiling = min(self.cap, self.base * 2.0 ** min(failures - 1, 32))
        return random.uniform(0, ceiling)
