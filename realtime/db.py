"""The crossing from the event loop to the ORM."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from channels.db import database_sync_to_async
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

KEEP_SECONDS = 60.0

# By default everything outside an HTTP request shares one thread, and one long transaction of the bot's mirror
# would stall every socket. A small pool of our own bounds the database connections instead.
_pool = ThreadPoolExecutor(max_workers=6, thread_name_prefix="realtime-orm")


@receiver(connection_created)
def _keep(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Keep the connections of the pool, whose threads stay. Opening one took longer than most queries.

    Requests close theirs (CONN_MAX_AGE is 0), because the thread of each ends with it.
    """
    if threading.current_thread().name.startswith("realtime-orm"):
        connection.close_at = time.monotonic() + KEEP_SECONDS
        # One that the database closed meanwhile is replaced.
        connection.health_check_enabled = True  # type: ignore[attr-defined]


def in_thread[**P, R](function: Callable[P, R]) -> Callable[P, Awaitable[R]]:
    """Return an awaitable version of a synchronous function that uses the ORM."""
    crossing: Any = database_sync_to_async
    wrapped: Callable[P, Awaitable[R]] = crossing(function, thread_sensitive=False, executor=_pool)
    return wrapped
