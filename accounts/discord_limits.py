"""How much Discord lets us ask, learnt from its answers (docs: Rate Limits). Knows the clock, not the network.

One `Limits` serves all threads of a process. A request takes its turn with `acquire` and gives Discord's answer to
`learn`, or says `abandon` when there was none.
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

# Discord shuts an address out after 10,000 answers of 401, 403 or 429 in ten minutes. Each of our processes counts
# its own, and the bot's library counts none: a tenth leaves room for all of them.
MAX_INVALID = 1_000
INVALID_SECONDS = 600.0
MAX_WINDOWS = 2_000
# No route that is asked here has longer ones. Discord has announced 102,737 s for posting messages; where a window
# seems to take that long, one request a minute finds out whether it does.
MAX_WINDOW_SECONDS = 60.0
BAN_SECONDS = 60.0  # where Cloudflare does not say for how long
MAJOR = {"channels", "guilds", "webhooks"}  # the id behind one of these has limits of its own


@dataclass(frozen=True)
class Route:
    """What limits are counted by. `template` holds no id and no token: it may be logged."""

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
    """Return after how many seconds a 429 wants to be asked again, null where it does not say.

    The body is the more exact of the two; `Retry-After` may also be a date (RFC 9110, section 10.2.3).
    """
    told = _number(body.get("retry_after")) if isinstance(body, dict) else None
    if told:
        return told
    text = headers.get("Retry-After")
    if (told := _number(text)) is not None or not text:
        return told
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def is_global(headers: Mapping[str, str], body: object) -> bool:
    """Whether a 429 is for all that the caller asks."""
    if headers.get("X-RateLimit-Scope") == "global" or "X-RateLimit-Global" in headers:
        return True
    return isinstance(body, dict) and bool(body.get("global"))


@dataclass
class _Window:
    limit: int
    remaining: int
    resets_at: float
    seconds: float  # what a whole window takes, as the first answer of one said last


# caller, method, bucket, major. Discord names one bucket for posting and editing messages, and counts them apart.
type _Key = tuple[str, str, str, str]


@dataclass
class Limits:
    _changed: threading.Condition = field(default_factory=threading.Condition)
    # (method, template) -> bucket; null where Discord names none. Absent: nobody has had an answer yet.
    _buckets: dict[tuple[str, str], str | None] = field(default_factory=dict)
    _asking: set[tuple[str, str]] = field(default_factory=set)
    _windows: dict[_Key, _Window] = field(default_factory=dict)
    _refused: dict[Route, float] = field(default_factory=dict)  # by a 429 of its own -> until
    _blocked: dict[str, float] = field(default_factory=dict)  # caller -> until; "" is everybody
    _invalid: deque[float] = field(default_factory=deque)

    def acquire(self, route: Route, *, until: float) -> None:
        """Wait for this request's turn, to `time.monotonic() == until` at most.

        Raises DiscordBusy at once when its turn comes later than that, DiscordPaused when too much was refused.
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
        """Take a turn and return null, or return after how many seconds to try again."""
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
            # The first request learns the bucket for the others; a crowd before it would be a storm of 429s.
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
        """There was no answer. What was taken stays taken: Discord may have counted it."""
        with self._changed:
            self._asking.discard((route.method, route.template))
            self._changed.notify_all()

    def learn(self, route: Route, *, status: int, headers: Mapping[str, str], body: object) -> float | None:
        """Take an answer into account. `body` is its JSON, null for what is none.

        Returns after how many seconds to ask again, null of anything but a 429.
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
                # Its headers are of the window, or made up for the occasion: what counts is when to come back.
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
        after, limit = min(after, MAX_WINDOW_SECONDS), max(1.0, limit)  # a window of none would never end
        known = self._windows.get(key)
        if known is None:
            if len(self._windows) >= MAX_WINDOWS:
                self._windows = {k: w for k, w in self._windows.items() if w.resets_at > now}
            self._windows[key] = _Window(int(limit), int(remaining), now + after, after)
            return
        if now + after > known.resets_at + known.seconds / 2:
            known.remaining = int(remaining)  # a window that began after ours
        else:
            known.remaining = min(known.remaining, int(remaining))  # answers overtake each other
        # The newest answer is right about when, also where an older one said later.
        known.limit, known.resets_at = int(limit), now + after
        if remaining == limit - 1:
            known.seconds = after

    def _see_refusal(self, route: Route, headers: Mapping[str, str], body: object, now: float) -> float:
        """Returns after how many seconds to ask again."""
        seconds = retry_after(headers, body) or (1.0 if isinstance(body, dict) else BAN_SECONDS)
        if not isinstance(body, dict):  # Cloudflare's own page: the whole address is shut out
            self._blocked[""] = now + seconds
            log.error("Cloudflare blocked our address from Discord for %.0f s", seconds)
        elif is_global(headers, body):
            self._blocked[route.caller] = now + seconds
            self._blocked = {who: until for who, until in self._blocked.items() if until > now}
        else:
            self._refuse(route, now, now + seconds)
        if (
            headers.get("X-RateLimit-Scope") != "shared"
        ):  # Discord does not count these: they are others' doing
            self._count_invalid(route, 429, now)
        return seconds

    def _refuse(self, route: Route, now: float, until: float) -> None:
        """Discord may count what no header tells of (docs: Rate Limits), so this says nothing about the window."""
        if len(self._refused) >= MAX_WINDOWS:
            self._refused = {each: end for each, end in self._refused.items() if end > now}
        self._refused[route] = max(until, self._refused.get(route, 0.0))
        if window := self._windows.get(self._key(route)):
            window.remaining, window.resets_at = window.limit, until + window.seconds

    def _count_invalid(self, route: Route, status: int, now: float) -> None:
        self._invalid.append(now)
        if len(self._invalid) == MAX_INVALID:
            log.error(
                "Paused requests to Discord: it refused %s in ten minutes, the last with HTTP %s at %s %s",
                MAX_INVALID,
                status,
                route.method,
                route.template,
            )


def _number(value: object) -> float | None:
    """Return a number of seconds or requests; null for what is none, NaN and negative ones included."""
    if not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if 0 <= number < 1e7 else None
