"""Decides when a reconciler runs its next pass."""

from __future__ import annotations

import asyncio

CALM_SECONDS = 0.1


class Waking:
    """Waits until woken or until a timeout. To be used on the event loop only."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._woken.set()  # the first pass is at once
        self._looked_at = 0.0  # when the last pass began, by the loop's clock
        self._later: asyncio.TimerHandle | None = None

    def wake(self) -> None:
        self._woken.set()

    def wake_soon(self) -> None:
        """Wake soon, at most once every CALM_SECONDS."""
        loop = asyncio.get_running_loop()
        if self._later is None:
            wait = self._looked_at + CALM_SECONDS - loop.time()
            self._later = loop.call_later(max(0.0, wait), self._wake_later)

    def _wake_later(self) -> None:
        self._later = None
        self.wake()

    async def wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()
        self._looked_at = asyncio.get_running_loop().time()

    def stop(self) -> None:
        if self._later is not None:
            self._later.cancel()
