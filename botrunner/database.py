"""Work with the database that outlasts a lock or a restart of it."""

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
    """Run what uses the ORM and may be done twice, again while the database is locked or away.

    Raises what the function raises; an OperationalError or InterfaceError after a minute of them.
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
