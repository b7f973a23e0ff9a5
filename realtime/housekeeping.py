"""Delete expired data once a day, beside the servers of a process."""

from __future__ import annotations

import asyncio
import logging

from django.db import DatabaseError

from accounts.domain.housekeeping import forget_the_past
from realtime.db import in_thread
from realtime.domain.retention import prune_logs
from realtime.outages import log_failure

log = logging.getLogger(__name__)

FIRST_SECONDS = 300.0  # not during startup
EVERY_SECONDS = 24 * 3600.0


async def keep_house(stop: asyncio.Event) -> None:
    """Run until `stop` is set. It is safe in several processes at once."""
    wait = FIRST_SECONDS
    while True:
        try:
            async with asyncio.timeout(wait):
                await stop.wait()
            return
        except TimeoutError:
            wait = EVERY_SECONDS
        try:
            gone = await in_thread(forget_the_past)()
            gone["events and answers"] = await in_thread(prune_logs)()
        except DatabaseError as error:
            log_failure(log, error, "Housekeeping failed")
        else:
            log.info("Housekeeping done: %s", ", ".join(f"{count} {what}" for what, count in gone.items()))
