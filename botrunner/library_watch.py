"""Keeps the library's index in step with its folder."""

from __future__ import annotations

import asyncio
import logging

from library.domain.scan import scan_library
from realtime.db import in_thread

log = logging.getLogger(__name__)

SCAN_SECONDS = 30.0


async def watch_library(stop: asyncio.Event) -> None:
    while not stop.is_set():
        try:
            read, gone = await in_thread(scan_library)()
            if read or gone:
                log.info("Scanned the library: %s tracks read, %s removed", read, gone)
        except Exception:
            log.exception("Could not scan the library, retrying")
        try:
            async with asyncio.timeout(SCAN_SECONDS):
                await stop.wait()
        except TimeoutError:
            pass
