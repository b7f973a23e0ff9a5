"""Discord's REST rate limits: a window per route and top-level resource, one per bot, and some without headers.

https://discord.com/developers/docs/topics/rate-limits. The limits themselves are not documented. The profile
`discord` has the figures that Discord's staff and others have named in discord-api-docs (issues 1442, 1900, 2701,
8073, 8330). The profile `roomy` has higher limits, so that no test hits one by accident.
"""

import hashlib
import time
from dataclasses import dataclass

from sandbox.model import Json

GLOBAL_PER_SECOND = 50
type Rate = tuple[int, float]  # requests, seconds

POST_MESSAGE = ("POST", "/channels/{channel_id}/messages")
EDIT_MESSAGE = ("PATCH", "/channels/{channel_id}/messages/{message_id}")
DEFAULT: Rate = (50, 1.0)
PROFILES: dict[str, dict[tuple[str, str], Rate]] = {
    "roomy": {
        POST_MESSAGE: (20, 2.0),
        EDIT_MESSAGE: (20, 2.0),
        ("DELETE", "/channels/{channel_id}/messages/{message_id}"): (20, 2.0),
        ("PUT", "/applications/{application_id}/commands"): (10, 2.0),
    },
    "discord": {
        POST_MESSAGE: (5, 5.0),
        EDIT_MESSAGE: (5, 5.0),
        ("DELETE", "/channels/{channel_id}/messages/{message_id}"): (5, 1.0),
        ("POST", "/webhooks/{webhook_id}/{webhook_token}"): (5, 2.0),
        ("PUT", "/applications/{application_id}/commands"): (10, 2.0),
    },
}
# Applied by the profile `discord` only: name -> (requests, seconds, Discord's error code).
HIDDEN: dict[str, tuple[int, float, int]] = {
    "edits of old messages": (3, 6.0, 30046),
    "channel names and topics": (2, 600.0, 0),
}
MAJOR_PARAMETERS = ("guild_id", "channel_id", "webhook_id", "webhook_token", "interaction_id")


@dataclass
class Window:
    limit: int
    seconds: float
    resets_at: float = 0.0  # time.time()
    used: int = 0

    def take(self, now: float) -> bool:
        """Count one request. Returns False if the window is used up."""
        if now >= self.resets_at:
            self.resets_at, self.used = now + self.seconds, 0
        if self.used >= self.limit:
            return False
        self.used += 1
        return True


@dataclass(frozen=True)
class Verdict:
    """The limiter's result for one request: `headers` for the response, and `refusal`, the body of a 429, or None.

    A body of type str is Cloudflare's, not Discord's.
    """

    headers: dict[str, str]
    refusal: Json | str | None = None


class RateLimiter:
    """Windows in memory. Expired windows are dropped once there are more than `MAX_WINDOWS`."""

    MAX_WINDOWS = 2_000

    def __init__(self) -> None:
        self.reset()

    def reset(self, profile: str = "roomy") -> None:
        """Switch to the limits of `profile` and reset all windows."""
        self.profile = profile
        self._windows: dict[tuple[str, str, str], Window] = {}
        self._globals: dict[str, Window] = {}

    def check(
        self, *, caller: str, method: str, route: str, parameters: dict[str, str], exempt: bool
    ) -> Verdict:
        """Count a request of `caller` (opaque, per credential). `exempt` requests skip the global limit."""
        now = time.time()
        limit, seconds = PROFILES[self.profile].get((method, route), DEFAULT)
        major = "/".join(parameters[name] for name in MAJOR_PARAMETERS if name in parameters)
        window = self._windows.setdefault((caller, f"{method} {route}", major), Window(limit, seconds))
        if not exempt and caller.startswith("Bot "):
            whole = self._globals.setdefault(caller, Window(GLOBAL_PER_SECOND, 1.0))
            if not whole.take(now):
                return refuse(whole.resets_at - now, scope="global")
        allowed = window.take(now)
        headers = {
            "X-RateLimit-Limit": str(window.limit),
            "X-RateLimit-Remaining": str(window.limit - window.used),
            "X-RateLimit-Reset": f"{window.resets_at:.3f}",
            "X-RateLimit-Reset-After": f"{max(0.0, window.resets_at - now):.3f}",
            "X-RateLimit-Bucket": bucket_name(method, route),
        }
        self._forget_finished(now)
        if allowed:
            return Verdict(headers)
        refused = refuse(window.resets_at - now, scope="user")
        return Verdict(headers | refused.headers, refused.refusal)

    def hidden(self, name: str, key: str, *, caller: str) -> None:
        """Count a request against a limit that the headers do not show. Raises RateLimited."""
        if self.profile != "discord":
            return
        limit, seconds, code = HIDDEN[name]
        now = time.time()
        window = self._windows.setdefault((caller, name, key), Window(limit, seconds))
        if not window.take(now):
            raise RateLimited(refuse(window.resets_at - now, scope="user", code=code))

    def _forget_finished(self, now: float) -> None:
        if len(self._windows) > self.MAX_WINDOWS:
            self._windows = {key: window for key, window in self._windows.items() if window.resets_at > now}


class RateLimited(Exception):
    """A request exceeded a hidden limit. `verdict` is the 429."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__("rate limited")
        self.verdict = verdict


def bucket_name(method: str, route: str) -> str:
    """Return the bucket's name, without top-level resources. As on Discord, editing messages has the same name
    as posting them, but is counted separately."""
    if (method, route) == EDIT_MESSAGE:
        method, route = POST_MESSAGE
    return hashlib.md5(f"{method} {route}".encode(), usedforsecurity=False).hexdigest()


def exhausted(method: str, route: str, retry_after: float) -> dict[str, str]:
    """Return the headers of a used-up window. Every 429 has them except a global one."""
    return {
        "X-RateLimit-Limit": "1",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": f"{time.time() + retry_after:.3f}",
        "X-RateLimit-Reset-After": f"{retry_after:.3f}",
        "X-RateLimit-Bucket": bucket_name(method, route),
    }


def refuse(retry_after: float, *, scope: str, code: int = 0) -> Verdict:
    """Return a 429. `retry_after` is in seconds. `scope` is user, shared or global. `code` is Discord's, often 0."""
    seconds = round(max(0.001, retry_after), 3)
    headers = {"Retry-After": str(int(-(-seconds // 1))), "X-RateLimit-Scope": scope}
    if scope == "global":
        headers["X-RateLimit-Global"] = "true"
    body = {
        "message": "You are being rate limited.",
        "retry_after": seconds,
        "global": scope == "global",
        "code": code,
    }
    return Verdict(headers, body)
