"""Run several servers on one event loop until a signal. A management command's `handle` calls `run_until_signal`."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

import uvloop

Main = Callable[[asyncio.Event], Awaitable[None]]


def run_until_signal(main: Main) -> None:
    """Run `main(stop)`. SIGINT and SIGTERM set `stop`; a second signal changes nothing."""

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await main(stop)

    uvloop.run(run())
