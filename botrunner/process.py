"""Runs the bot inside a process, with the library's index and the Bot API."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.conf import settings
from django.utils.module_loading import import_string

from botrunner.library_watch import watch_library
from botrunner.shards import Shards, run_bot
from botrunner.voice_check import voice_problem
from realtime.housekeeping import keep_house
from realtime.server import serving

log = logging.getLogger(__name__)


@asynccontextmanager
async def bot_running(shards: Shards | None = None) -> AsyncIterator[None]:
    """Run the bot, the library's index and the Bot API until the context ends. If the bot fails, the others run on.

    `shards` None means all shards. Raises OSError if the Bot API's port is taken.
    """
    if problem := voice_problem():
        log.error(problem)
    stop = asyncio.Event()
    api = import_string(settings.BOT_API_APPLICATION)
    async with serving(api, host=settings.BIND_HOST, port=settings.BOT_API_PORT):
        tasks = [
            asyncio.create_task(run_bot(stop, shards), name="bot runner"),
            asyncio.create_task(watch_library(stop), name="library"),
            asyncio.create_task(keep_house(stop), name="housekeeping"),
        ]
        try:
            yield
        finally:
            stop.set()
            for task, outcome in zip(
                tasks, await asyncio.gather(*tasks, return_exceptions=True), strict=True
            ):
                if isinstance(outcome, BaseException):
                    log.error("The task %s failed", task.get_name(), exc_info=outcome)
