"""A queue of received items."""

from __future__ import annotations

import asyncio
from collections import deque


class Inbox[T]:
    """A bounded queue that can be ended. For one reader, on one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[T] = deque()
        self._newest: dict[str, T] = {}
        self._changed = asyncio.Event()
        self._end: Exception | None = None

    def put(self, item: T) -> bool:
        """Add an item. Returns False, and does nothing, when the queue is full."""
        if len(self._items) >= self._limit:
            return False
        self._items.append(item)
        self._changed.set()
        return True

    def replace(self, key: str, item: T) -> None:
        """Store the item under its key, where it replaces an earlier one."""
        self._newest[key] = item
        self._changed.set()

    def waiting(self, key: str) -> T | None:
        """Return the item that `replace` would replace."""
        return self._newest.get(key)

    def end(self, error: Exception | None = None) -> None:
        """End the queue: after the remaining items, the reader gets the error or the end. Later calls do nothing."""
        if self._end is None:
            self._end = error or StopAsyncIteration()
            self._changed.set()

    @property
    def empty(self) -> bool:
        return not self._items and not self._newest

    async def take(self) -> T:
        """Return the oldest item. Items stored by `replace` come after all others.

        Raises the error of `end`, or StopAsyncIteration if it had none. Canceling this loses no item.
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
