"""How fast a server has to send."""

from __future__ import annotations

import time

from library.sources.exchange import Response

# A server that sends less than any audio needs has stalled, even if single bytes keep arriving.
PACE_SECONDS = 20.0
PACE_BYTES = 4000


class Pace:
    """Measures how much arrives in the time that is spent waiting, over all connections of one file."""

    def __init__(self) -> None:
        self._waited = 0.0
        self._arrived = 0

    def read(self, response: Response, size: int, *, patience: float) -> bytes:
        """Read up to `size` bytes. Raises TimeoutError if none arrive for `patience` seconds, or too few for long."""
        began = time.monotonic()
        response.wire.deadline = began + patience
        data = response.read(size)
        self._waited += time.monotonic() - began
        self._arrived += len(data)
        if self._waited > PACE_SECONDS:
            too_slow = self._arrived < PACE_BYTES
            self._waited, self._arrived = 0.0, 0
            if too_slow:
                raise TimeoutError
        return data
