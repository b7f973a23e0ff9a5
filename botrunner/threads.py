"""Blocking work on strangers' servers, in threads that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any


async def in_daemon[R](work: Callable[[], R], *, name: str) -> R:
    """Run `work` in a thread of its own and return its result.

    Not in the loop's executor: its few threads are shared by all guilds, and the loop's end waits for them.
    Cancelling leaves the thread to itself; whoever cancels closes what it blocks on.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()

    def deliver(settle: Callable[[Any], None], value: Any) -> None:
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
            pass  # the loop is gone, and with it whoever asked

    threading.Thread(target=run, name=name, daemon=True).start()
    return await future
