"""Objects that exist once per event loop. Outside of tests a process has one loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


class PerLoop[Thing]:
    """Call it to get the running loop's object, made by the first call. `clean_up` gets an earlier loop's."""

    def __init__(self, make: Callable[[], Thing], clean_up: Callable[[Thing], object] | None = None) -> None:
        self._make = make
        self._clean_up = clean_up
        self._made: tuple[asyncio.AbstractEventLoop, Thing] | None = None

    def __call__(self) -> Thing:
        loop = asyncio.get_running_loop()
        if self._made is None or self._made[0] is not loop:
            if self._made is not None and self._clean_up is not None:
                self._clean_up(self._made[1])
            self._made = loop, self._make()
        return self._made[1]

    def call(self, act: Callable[[Thing], object]) -> None:
        """Call `act` with the object on its loop, from any thread. Does nothing without an object or a running loop."""
        if (made := self._made) is not None and made[0].is_running():
            with contextlib.suppress(RuntimeError):  # the loop was just closed
                made[0].call_soon_threadsafe(act, made[1])
