"""nextcord's REST client with limits that end: what it learns from an answer is replaced by the next one.

nextcord 3.2 keeps the longest `Reset-After` ever seen, asks again at once after a 429 that is not global and after one
second where it is, and counts all channels, and posting and editing, as one where Discord names one bucket. Discord
sends wrong windows, and counts what no header tells of (docs: Rate Limits). The rules are those of
accounts/discord_limits.py. What this relies on of nextcord's internals is named in tests/config/test_private_parts.py.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import aiohttp
import nextcord
from nextcord.http import GlobalRateLimit, HTTPClient, RateLimit, Route

from accounts.discord_limits import MAX_WINDOW_SECONDS, is_global, retry_after

log = logging.getLogger(__name__)


def _number(value: object, default: float) -> float:
    try:
        number = float(value) if isinstance(value, str | float | int) else default
    except ValueError:
        return default
    return number if 0 <= number < 1e7 else default


async def _read_refusal(answer: aiohttp.ClientResponse) -> tuple[float, bool]:
    """Return for how many seconds a 429 refuses, a second for one that does not say, and whether it refuses all."""
    try:
        body = await answer.json(content_type=None)  # kept by aiohttp: nextcord reads it again
    except ValueError:
        body = None
    return retry_after(answer.headers, body) or 1.0, is_global(answer.headers, body)


class _Obedient(RateLimit):
    """Waits for as long as the last 429 said, and forgets it then."""

    def __init__(self, time_offset: float = 0.0, **options: Any) -> None:
        super().__init__(time_offset, **options)
        self._seconds = 1.0  # what a whole window takes
        self._refused_until = 0.0  # the loop's time

    @property
    def refused(self) -> bool:
        return asyncio.get_running_loop().time() < self._refused_until

    def refuse(self, seconds: float) -> None:
        """Let nobody pass for so long, then as many as the window holds."""
        now = asyncio.get_running_loop().time()
        self._refused_until = max(self._refused_until, now + seconds)
        self.remaining = 0
        self._ratelimit_ready.clear()
        self._reset_in(self._refused_until - now)

    def _reset_in(self, seconds: float) -> None:
        self._tracked_reset_time = seconds
        self.start_reset_task()

    async def reset_remaining(self, time: float) -> None:
        await super().reset_remaining(time)
        self._tracked_reset_time = self._seconds


class RouteLimit(_Obedient):
    """The limit of one method, path and top-level resource. `bucket` stays null, so that nextcord joins no two."""

    async def update(self, response: aiohttp.ClientResponse) -> None:
        if response.status == 429:
            seconds, everywhere = await _read_refusal(response)
            if not everywhere:
                self.refuse(seconds)
        if self.refused:
            return
        headers = response.headers
        limit = int(_number(headers.get("X-RateLimit-Limit"), 0))
        if not limit or response.status == 429:  # nothing is told of this route
            if self._first_update:
                self.remaining = 1  # one at a time
                self._ratelimit_ready.set()
            return
        remaining = int(_number(headers.get("X-RateLimit-Remaining"), 0))
        self.limit = limit
        self.reset_after = min(_number(headers.get("X-RateLimit-Reset-After"), 1.0), MAX_WINDOW_SECONDS)
        if remaining == limit - 1:
            self._seconds = self.reset_after
        # Answers overtake each other; only the end of the window gives something back.
        self.remaining = remaining if self._first_update else min(remaining, self.remaining)
        self._first_update = False
        self._reset_in(self.reset_after)
        if self.remaining > 0:
            self._ratelimit_ready.set()


class TokenLimit(_Obedient, GlobalRateLimit):
    """The limit of a bot's token."""

    async def update(self, response: aiohttp.ClientResponse) -> None:
        if response.status != 429:
            return
        seconds, everywhere = await _read_refusal(response)
        if everywhere:
            log.warning("Discord paused all requests of the bot for %.1f s (global rate limit)", seconds)
            self.refuse(seconds)


class Rest(HTTPClient):
    @classmethod
    def serve(cls, client: nextcord.Client, connector: aiohttp.BaseConnector) -> None:
        """Have a client that has not asked anything yet use this."""
        client.http = client._connection.http = cls(connector, dispatch=client.dispatch)

    def _make_url_rate_limit(self, method: str, route: Route, auth: str | None) -> RateLimit:
        limit = RouteLimit(self._time_offset)
        self._set_url_rate_limit(method, route, auth, limit)
        return limit

    def _make_global_rate_limit(self, auth: str | None, max_per_second: int) -> GlobalRateLimit:
        limit = TokenLimit(self._time_offset)
        limit.limit = limit.remaining = max_per_second
        self._global_rate_limits[auth] = limit
        return limit
