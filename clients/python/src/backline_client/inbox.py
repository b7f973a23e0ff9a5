"""What came in and nobody has taken yet."""

from __future__ import annotations

import asyncio
from collections import deque


class Inbox[T]:
    """A bounded queue with an end. For one reader, on one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[T] = deque()
        self._newest: dict[str, T] = {}
        self._changed = asyncio.Event()
        self._end: Exception | None = None

    def put(self, item: T) -> bool:
        """Returns False, and does nothing, when there is no room."""
        if len(self._items) >= self._limit:
            return False
        self._items.append(item)
        self._changed.set()
        return True

    def replace(self, key: str, item: T) -> None:
        """Keep the item in the one place of its key, where it takes that of an earlier one."""
        self._newest[key] = item
        self._changed.set()

    def waiting(self, key: str) -> T | None:
        """Return what `replace` would take the place of."""
        return self._newest.get(key)

    def end(self, error: Exception | None = None) -> None:
        """Let the reader take what is there and then meet the error, or the end. The first end counts."""
        if self._end is None:
            self._end = error or StopAsyncIteration()
            self._changed.set()

    @property
    def empty(self) -> bool:
        return not self._items and not self._newest

    async def take(self) -> T:
        """Return the oldest item, of those with a place the one that waits longest.

        Raises what `end` said, StopAsyncIteration when that was nothing. Cancelling loses nothing.
        """
        while True:
            if self._items:
                return self._items.popleft()
            if self._newest:
                return self._newest.pop(next(iter(self._newest)))
            if self._end is not None:
                raise self._end
            self._changed.clear()
            await self._changed.wait()
