"""The crossing from the event loop to the ORM."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from channels.db import database_sync_to_async

# By default everything outside an HTTP request shares one thread, and one long transaction of the bot's mirror
# would stall every socket. A small pool of our own bounds the database connections instead.
_pool = ThreadPoolExecutor(max_workers=6, thread_name_prefix="orm")


def in_thread[**P, R](function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Return an awaitable version of a synchronous function that uses the ORM."""
    crossing: Any = database_sync_to_async
    wrapped: Callable[P, Awaitable[R]] = crossing(function, thread_sensitive=False, executor=_pool)
    return wrapped
