"""Quiet hours: from one time of day to another, in local time."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

log = logging.getLogger(__name__)

MINUTE = timedelta(minutes=1)
# The longest quiet time: a day of 25 hours when clocks go back, with a margin. No clock ever went back by three hours.
LONGEST = 28 * 60


@lru_cache(maxsize=1)
def timezone_names() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    """Return a time zone, or None if this machine's database does not have it (any more)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        log.error("Unknown time zone %r: ignoring the quiet hours that use it", name)
        return None


@dataclass(frozen=True)
class QuietHours:
    """Quiet hours from `start` up to, but not including, `until`. If `until` is earlier, they end on the next day.

    Both are whole minutes, and never equal. Local time decides: the hour that occurs twice in autumn is quiet both
    times, and the hour that spring skips does not matter. An unknown time zone has no quiet hours, because an unwanted
    alert does less harm than a missing one.
    """

    start: time
    until: time
    timezone: str

    @classmethod
    def of(cls, chosen: dict[str, str]) -> QuietHours:
        """Read `{from, until, timezone}`. Raises ValueError for invalid times."""
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
        """Return the first minute after `at`, in UTC, that is not quiet."""
        minute = at.astimezone(UTC).replace(second=0, microsecond=0)
        for _ in range(LONGEST):
            # In UTC no minute is skipped or occurs twice. Stepping through a whole day takes a millisecond.
            minute += MINUTE
            if not self.include(minute):
                return minute
        raise ValueError(f"{self} never ends")
