"""Wait for a condition instead of a time: `until` in a thread, `eventually` on a loop."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

WITHIN_SECONDS = 15.0  # enough for a busy machine; a successful test does not wait that long
_SHORTEST, _LONGEST = 0.005, 0.1  # seconds between two checks: longer for longer waits


def until[T](condition: Callable[[], T], *, within: float = WITHIN_SECONDS, what: str = "") -> T:
    """Wait for a condition to hold, and return its value. Fails after `within` seconds."""
    begun = time.monotonic()
    while not (value := condition()):
        time.sleep(_pause(begun, within, what))
    return value


async def eventually(
    condition: Callable[[], Awaitable[Any] | Any], *, within: float = WITHIN_SECONDS, what: str = ""
) -> Any:
    """Wait for a condition, which may be awaitable, and return its value. Fails after `within` seconds."""
    begun = time.monotonic()
    while True:
        value = condition()
        if inspect.isawaitable(value):
            value = await value
        if value:
            return value
        await asyncio.sleep(_pause(begun, within, what))


def _pause(begun: float, within: float, what: str) -> float:
    passed = time.monotonic() - begun
    assert passed < within, f"still not so after {within} s: {what}"
    return min(max(passed / 10, _SHORTEST), _LONGEST)
