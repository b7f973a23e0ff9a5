"""Runs blocking work, such as requests to other servers, in daemon threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any


async def in_daemon[R](work: Callable[[], R], *, name: str) -> R:
    """Run `work` in a thread of its own and return its result.

    The loop's executor is not used: all guilds share its few threads, and the loop waits for them when it ends.
    After a cancellation the thread runs on. The caller must close what it blocks on.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()

    def deliver[V](settle: Callable[[V], None], value: V) -> None:
        if not future.done():
            settle(value)

    def run() -> None:
        try:
            outcome: tuple[Callable[[Any], None], Any] = (future.set_result, work())
        except Exception as error:
            outcome = (future.set_exception, error)
        try:
            loop.call_soon_threadsafe(deliver, *outcome)
        except RuntimeError:
            pass  # the loop has ended, and nobody awaits the result

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future
