"""Failures on demand: simulates what can go wrong with Discord, for tests and for developers."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.ratelimit import Verdict, exhausted, refuse


@dataclass
class StandingFault:
    """A fault that applies to matching REST requests. `left` counts down. With None it applies until cleared."""

    kind: str
    path: re.Pattern[str]
    method: str | None = None
    left: int | None = 1
    status: int = 500
    code: int = 0
    html: bool = False
    scope: str = "user"
    retry_after: float = 1.0
    headers: str = "used_up"
    reset_after: float | None = None
    bucket: str | None = None
    ms: int = 0
    twice: bool = False
    done: bool = False

    def fits(self, method: str, path: str) -> bool:
        return self.method in (None, method) and self.path.search(path) is not None


@dataclass
class Faults:
    """The standing faults, oldest first. Immediate faults are not stored: `Injector` carries them out at once."""

    standing: list[StandingFault] = field(default_factory=list)

    def take(self, kind: str, method: str, path: str, *, done: bool = False) -> StandingFault | None:
        """Return the first standing fault of `kind` for this request, and count it down."""
        for fault in self.standing:
            if (fault.kind, fault.done) == (kind, done) and fault.fits(method, path):
                if fault.left is not None:
                    fault.left -= 1
                    if fault.left <= 0:
                        self.standing.remove(fault)
                return fault
        return None

    async def delay(self, method: str, path: str, *, done: bool = False) -> None:
        """Delay a request before it takes effect or, with `done`, its response afterwards."""
        if fault := self.take("latency", method, path, done=done):
            await asyncio.sleep(fault.ms / 1000)

    def rate_limit(
        self, method: str, path: str, *, route: str, usual: Callable[[], dict[str, str]] = dict
    ) -> Verdict | None:
        """Return a 429 if a fault asks for one. `usual` returns the headers of the normal response."""
        fault = self.take("rate_limit", method, path)
        if fault is None:
            return None
        verdict = refuse(fault.retry_after, scope=fault.scope, code=fault.code)
        if fault.html:  # sent by Cloudflare, in front of Discord
            return Verdict({"Retry-After": verdict.headers["Retry-After"]}, "error code: 1015")
        if fault.scope == "global" or fault.headers == "none":
            return verdict
        window = usual() if fault.headers == "usual" else exhausted(method, route, fault.retry_after)
        return Verdict(window | verdict.headers, verdict.refusal)

    def rewrite(self, method: str, path: str, headers: dict[str, str]) -> None:
        """Replace the rate limit headers by those of another window, as Discord has done (discord-api-docs#5646)."""
        fault = self.take("rate_headers", method, path)
        if fault is not None and fault.reset_after is not None:
            headers["X-RateLimit-Reset-After"] = f"{fault.reset_after:.3f}"
            headers["X-RateLimit-Reset"] = f"{time.time() + fault.reset_after:.3f}"
        if fault is not None and fault.bucket is not None:
            headers["X-RateLimit-Bucket"] = fault.bucket

    def failure(self, method: str, path: str) -> StandingFault | None:
        return self.take("http_status", method, path)
