"""Discord's rate limits, learned from its responses (docs: Rate Limits). This module uses the clock, not the network.

One `Limits` serves all threads of a process. A request waits for its turn in `acquire`. Afterwards it passes Discord's
response to `learn`, or calls `abandon` when no response came.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from hashlib import sha256

from accounts.errors import DiscordBusy, DiscordPaused

log = logging.getLogger(__name__)

# Discord blocks an IP address after 10,000 responses of 401, 403 or 429 in ten minutes. Each of our processes counts
# only its own responses, and the bot's library counts none: a tenth leaves room for all of them.
MAX_INVALID = 1_000
INVALID_SECONDS = 600.0
MAX_WINDOWS = 2_000
# No route that we use has a longer window. Discord once announced 102,737 s for posting messages; when a window seems
# to last that long, one request a minute finds out whether it really does.
MAX_WINDOW_SECONDS = 60.0
BAN_SECONDS = 60.0  # used when Cloudflare gives no duration
MAJOR = {"channels", "guilds", "webhooks"}  # each id after one of these has its own limits


@dataclass(frozen=True)
class Route:
    """The key by which limits are counted. `template` contains no id and no token, so it may be logged."""

    caller: str
    method: str
    template: str
    major: str


def route_of(method: str, path: str, *, authorization: str) -> Route:
    parts = path.partition("?")[0].strip("/").split("/")
    kind = parts[0]
    if kind in {"webhooks", "interactions"} and len(parts) > 2:
        parts[2] = "{token}"
    template = "/".join("{id}" if part.isdecimal() else part for part in parts)
    return Route(
        caller=sha256(authorization.encode()).hexdigest()[:16],
        method=method,
        template=f"/{template}",
        major=parts[1] if kind in MAJOR and len(parts) > 1 else "",
    )


def retry_after(headers: Mapping[str, str], body: object) -> float | None:
    """Return the seconds to wait after a 429, or None when the response does not say.

    The body is more precise than the header. `Retry-After` may also be a date (RFC 9110, section 10.2.3).
    """
    seconds = _number(body.get("retry_after")) if isinstance(body, dict) else None
    if seconds:
        return seconds
    text = headers.get("Retry-After")
    if (seconds := _number(text)) is not None or not text:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def is_global(headers: Mapping[str, str], body: object) -> bool:
    """Whether a 429 applies to all requests of the caller."""
    if headers.get("X-RateLimit-Scope") == "global" or "X-RateLimit-Global" in headers:
        return True
    return isinstance(body, dict) and bool(body.get("global"))


@dataclass
class _Window:
    limit: int
    remaining: int
    resets_at: float
    seconds: float  # the length of a whole window, from the first response in the latest one


# caller, method, bucket, major. Discord gives posting and editing messages the same bucket, but counts them separately.
type _Key = tuple[str, str, str, str]


@dataclass
class Limits:
    _changed: threading.Condition = field(default_factory=threading.Condition)
    # (method, template) -> bucket, None where Discord names none. Missing until the first response.
    _buckets: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _asking: set[tuple[str, str]] = field(default_factory=set)
    _windows: dict[_Key, _Window] = field(default_factory=dict)
    _refused: dict[Route, float] = field(default_factory=dict)  # route -> end of its own 429
    _blocked: dict[str, float] = field(default_factory=dict)  # caller -> end of the block; "" is everybody
    _invalid: deque[float] = field(default_factory=deque)

    def acquire(self, route: Route, *, until: float) -> None:
        """Wait for this request's turn, at most until `time.monotonic() == until`.

        Raises DiscordBusy at once when the turn would come later, DiscordPaused after too many refused requests.
        """
        with self._changed:
            while True:
                now = time.monotonic()
                wait = self._take(route, now)
                if wait is None:
                    return
                if now + wait > until:
                    raise DiscordBusy(wait)
                self._changed.wait(wait)

    def _take(self, route: Route, now: float) -> float | None:
        """Take a turn and return None, or return the seconds to wait before trying again."""
        while self._invalid and self._invalid[0] <= now - INVALID_SECONDS:
            self._invalid.popleft()
        if len(self._invalid) >= MAX_INVALID:
            raise DiscordPaused(self._invalid[0] + INVALID_SECONDS - now)
        blocked = max(
            self._blocked.get("", 0.0), self._blocked.get(route.caller, 0.0), self._refused.get(route, 0.0)
        )
        if blocked > now:
            return blocked - now
        name = (route.method, route.template)
        if name not in self._buckets:
            # The first request learns the bucket for the others. Sending all of them at once would cause many 429s.
            if name in self._asking:
                return 0.05
            self._asking.add(name)
            return None
        window = self._windows.get(self._key(route))
        if window is not None:
            if now >= window.resets_at:
                window.remaining, window.resets_at = window.limit, now + window.seconds
            if window.remaining <= 0:
                return window.resets_at - now
            window.remaining -= 1
        return None

    def _key(self, route: Route) -> _Key:
        bucket = self._buckets.get((route.method, route.template)) or route.template
        return route.caller, route.method, bucket, route.major

    def abandon(self, route: Route) -> None:
        """End a request that got no response. Its turn is not given back: Discord may have counted the request."""
        with self._changed:
            self._asking.discard((route.method, route.template))
            self._changed.notify_all()

    def learn(self, route: Route, *, status: int, headers: Mapping[str, str], body: object) -> float | None:
        """Update the limits from a response. `body` is its JSON, or None when it is not JSON.

        Returns the seconds to wait after a 429, or None for any other status.
        """
        wait = None
        with self._changed:
            now = time.monotonic()
            name = (route.method, route.template)
            self._asking.discard(name)
            if bucket := headers.get("X-RateLimit-Bucket"):
                self._buckets[name] = bucket
            else:
                self._buckets.setdefault(name, None)
            if status == 429:
                # The headers of a 429 may not describe the real window. Only the time to wait is reliable.
                wait = self._see_refusal(route, headers, body, now)
            elif bucket:
                self._see_window(self._key(route), headers, now)
            if status in (401, 403):
                self._count_invalid(route, status, now)
            self._changed.notify_all()
        return wait

    def _see_window(self, key: _Key, headers: Mapping[str, str], now: float) -> None:
        limit = _number(headers.get("X-RateLimit-Limit"))
        remaining = _number(headers.get("X-RateLimit-Remaining"))
        after = _number(headers.get("X-RateLimit-Reset-After"))
        if limit is None or remaining is None or after is None:
            return
        after, limit = min(after, MAX_WINDOW_SECONDS), max(1.0, limit)  # a limit of 0 would block forever
        known = self._windows.get(key)
        if known is None:
            if len(self._windows) >= MAX_WINDOWS:
                self._windows = {k: w for k, w in self._windows.items() if w.resets_at > now}
            self._windows[key] = _Window(int(limit), int(remaining), now + after, after)
            return
        if now + after > known.resets_at + known.seconds / 2:
            known.remaining = int(remaining)  # a window that began after ours
        else:
            known.remaining = min(known.remaining, int(remaining))  # responses may arrive out of order
        # The newest response has the right reset time, even if an older one gave a later time.
        known.limit, known.resets_at = int(limit), now + after
        if remaining == limit - 1:
            known.seconds = after

    def _see_refusal(self, route: Route, headers: Mapping[str, str], body: object, now: float) -> float:
        """Record a 429 and return the seconds to wait."""
        seconds = retry_after(headers, body) or (1.0 if isinstance(body, dict) else BAN_SECONDS)
        if not isinstance(body, dict):  # Cloudflare's own page: our whole IP address is blocked
            self._blocked[""] = now + seconds
            log.error("Cloudflare blocked our IP address from Discord for %.0f s", seconds)
        elif is_global(headers, body):
            self._blocked[route.caller] = now + seconds
            self._blocked = {who: until for who, until in self._blocked.items() if until > now}
        else:
            self._refuse(route, now, now + seconds)
        # Discord does not count a "shared" 429 against us: other applications caused it.
        if headers.get("X-RateLimit-Scope") != "shared":
            self._count_invalid(route, 429, now)
        return seconds

    def _refuse(self, route: Route, now: float, until: float) -> None:
        """Block only this route: its 429 may come from a limit that no header shows (docs: Rate Limits)."""
        if len(self._refused) >= MAX_WINDOWS:
            self._refused = {each: end for each, end in self._refused.items() if end > now}
        self._refused[route] = max(until, self._refused.get(route, 0.0))
        if window := self._windows.get(self._key(route)):
            window.remaining, window.resets_at = window.limit, until + window.seconds

    def _count_invalid(self, route: Route, status: int, now: float) -> None:
        self._invalid.append(now)
        if len(self._invalid) == MAX_INVALID:
            log.error(
                "Paused requests to Discord: it refused %s in ten minutes, the last one with HTTP %s for %s %s",
                MAX_INVALID,
                status,
                route.method,
                route.template,
            )


def _number(value: object) -> float | None:
    """Return a number of seconds or requests, or None for anything else, including NaN and negative numbers."""
    if not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number < 1e7 else None
