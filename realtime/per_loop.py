"""What there is once for each event loop. Outside of tests a process has one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable


class PerLoop[Thing]:
    """Called, it returns the running loop's own, made at the first call. `let_go` gets that of a loop before."""

    def __init__(self, make: Callable[[], Thing], let_go: Callable[[Thing], object] | None = None) -> None:
        self._make = make
        self._let_go = let_go
        self._made: tuple[asyncio.AbstractEventLoop, Thing] | None = None

    def __call__(self) -> Thing:
        loop = asyncio.get_running_loop()
        if self._made is None or self._made[0] is not loop:
            if self._made is not None and self._let_go is not None:
                self._let_go(self._made[1])
            self._made = loop, self._make()
        return self._made[1]

    def tell(self, act: Callable[[Thing], object]) -> None:
        """Have its loop call `act`, from any thread. Nothing happens where there is none, or its loop has ended."""
        if (made := self._made) is not None and made[0].is_running():
            with contextlib.suppress(RuntimeError):  # closed at this moment
                made[0].call_soon_threadsafe(act, made[1])
