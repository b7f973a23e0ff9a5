"""nextcord's REST client with rate limits that expire: each response replaces what was learned from the last.

nextcord 3.2 keeps the longest `Reset-After` ever seen. It retries at once after a 429 that is not global, and after
one second if it is. If Discord names one bucket, nextcord counts all channels, and posting and editing, as one limit.
Discord sends wrong windows, and has limits that no header mentions (Discord: Rate Limits). The rules here are those of
accounts/discord_limits.py. tests/config/test_private_parts.py lists the nextcord internals that this relies on.
"""

from __future__ import annotations

import asyncio
import logging

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
    """Return how many seconds to wait after a 429 (1.0 if it does not say), and whether the limit is global."""
    try:
        body = await answer.json(content_type=None)  # kept by aiohttp: nextcord reads it again
    except ValueError:
        body = None
    return retry_after(answer.headers, body) or 1.0, is_global(answer.headers, body)


class _Obedient(RateLimit):
    """Waits as long as the last 429 said, then forgets it."""

    def __init__(self, time_offset: float = 0.0, *, use_reset_timestamp: bool = False) -> None:
        super().__init__(time_offset, use_reset_timestamp=use_reset_timestamp)
        self._seconds = 1.0  # the length of a whole window
        self._refused_until = 0.0  # the loop's time

    @property
    def refused(self) -> bool:
        return asyncio.get_running_loop().time() < self._refused_until

    def refuse(self, seconds: float) -> None:
        """Let no request pass for `seconds`, then as many as the window holds."""
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
    """The limit of one method, path and top-level resource. `bucket` stays None, so that nextcord merges no two."""

    async def update(self, response: aiohttp.ClientResponse) -> None:
        if response.status == 429:
            seconds, everywhere = await _read_refusal(response)
            if not everywhere:
                self.refuse(seconds)
        if self.refused:
            return
        headers = response.headers
        limit = int(_number(headers.get("X-RateLimit-Limit"), 0))
        if not limit or response.status == 429:  # the headers do not describe this route
            if self._first_update:
                self.remaining = 1  # one at a time
                self._ratelimit_ready.set()
            return
        remaining = int(_number(headers.get("X-RateLimit-Remaining"), 0))
        self.limit = limit
        self.reset_after = min(_number(headers.get("X-RateLimit-Reset-After"), 1.0), MAX_WINDOW_SECONDS)
        if remaining == limit - 1:
            self._seconds = self.reset_after
        # Responses may arrive out of order, so `remaining` rises only at the end of the window.
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
        """Make a client use this class. The client must not have sent a request yet."""
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
