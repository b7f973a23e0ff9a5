"""Quiet hours: from one time of day to another, as the clocks of a place show it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

log = logging.getLogger(__name__)

MINUTE = timedelta(minutes=1)
# A day of 25 hours where clocks go back, and some more: no clock ever went back by three.
LONGEST = 28 * 60


@lru_cache(maxsize=1)
def timezone_names() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    """Return a zone; null where this machine's list knows no such name (any more)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        log.error("Unknown time zone %r, ignoring the quiet hours that use it", name)
        return None


@dataclass(frozen=True)
class QuietHours:
    """`start` is quiet, `until` no more; over midnight where the end comes first. Whole minutes, never equal.

    What the clocks show decides: the hour that exists twice in autumn is quiet both times, one that spring leaves out
    is not missed. In a zone that is not known here nothing is quiet: an alert too many does less harm than none.
    """

    start: time
    until: time
    timezone: str

    @classmethod
    def of(cls, chosen: dict[str, str]) -> QuietHours:
        """Read `{from, until, timezone}`. Raises ValueError for times that are none."""
        start, until = (time.fromisoformat(chosen[name]) for name in ("from", "until"))
        return cls(start, until, chosen["timezone"])

    def include(self, at: datetime) -> bool:
        zone = _zone(self.timezone)
        if zone is None:
            return False
        shown = at.astimezone(zone).time()
        if self.start < self.until:
            return self.start <= shown < self.until
        return shown >= self.start or shown < self.until

    def end(self, at: datetime) -> datetime:
        """Return the first minute from `at` on, in UTC, that is not quiet."""
        minute = at.astimezone(UTC).replace(second=0, microsecond=0)
        for _ in range(LONGEST):
            # In UTC, where no minute is left out or comes twice; a day of these takes a millisecond.
            minute += MINUTE
            if not self.include(minute):
                return minute
        raise ValueError(f"{self} never end")
