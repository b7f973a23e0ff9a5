"""Retries database work while the database is locked or restarts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from django.db import InterfaceError, OperationalError

from realtime.db import in_thread

log = logging.getLogger(__name__)

DATABASE_SECONDS = 60.0
PAUSE_SECONDS = 0.5


async def from_database[**P, R](function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run an idempotent function that uses the ORM, and retry it while the database is locked or unavailable.

    Raises what the function raises; OperationalError and InterfaceError only after a minute of retries.
    """
    until = time.monotonic() + DATABASE_SECONDS
    while True:
        try:
            return await in_thread(function)(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() > until:
                raise
            log.warning("Database unavailable for %s, retrying: %r", function.__name__, error)
            await asyncio.sleep(PAUSE_SECONDS)
