"""Wait for a condition instead of a time: `until` in a thread, `eventually` on a loop."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

WITHIN_SECONDS = 15.0  # enough for a busy machine; who is not disappointed does not wait so long
_SHORTEST, _LONGEST = 0.005, 0.1  # seconds between two looks, which cost more the longer the wait may be


def until[T](condition: Callable[[], T], *, within: float = WITHIN_SECONDS, what: str = "") -> T:
    """Wait for a condition to hold; its value. Fails after so many seconds."""
    begun = time.monotonic()
    while not (value := condition()):
        time.sleep(_pause(begun, within, what))
    return value


async def eventually(
    condition: Callable[[], Awaitable[Any] | Any], *, within: float = WITHIN_SECONDS, what: str = ""
) -> Any:
    """Wait for a condition, which may be awaitable, to hold; its value. Fails after so many seconds."""
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
