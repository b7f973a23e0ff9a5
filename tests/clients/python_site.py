"""A server that can be restarted, and a network that can fail, for the tests of the Python client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from pytest_django import Settings

from backline_client import Backoff
from tests.clients.relay import Relay
from tests.server import WAIT_SECONDS, serve

SOON = Backoff(base=0.02, cap=0.2)


class Site:
    """A site whose `url` stays the same when its server is replaced."""

    def __init__(self, settings: Settings, relay: Relay) -> None:
        self.relay = relay
        self.url = f"http://127.0.0.1:{relay.port}"
        self._settings = settings
        self.start()

    def start(self) -> None:
        self._serving = serve(self._settings)
        self.relay.target = self._serving.__enter__().port

    def stop(self) -> None:
        self._serving.__exit__(None, None, None)


async def take[T](what: Awaitable[T]) -> T:
    async with asyncio.timeout(WAIT_SECONDS):
        return await what
