"""Discord's ids: milliseconds since 2015 in the upper 42 bits, a counter in the lower 22."""

import itertools
import re
import time
from datetime import UTC, datetime
from typing import TypeGuard

EPOCH_MS = 1_420_070_400_000

_counter = itertools.count()
_last_ms = 0


def new_snowflake() -> str:
    """Return a new id, larger than every id that this process created before."""
    global _last_ms
    _last_ms = max(_last_ms, time.time_ns() // 1_000_000)
    number = next(_counter)
    if number % 4096 == 4095:
        _last_ms += 1  # the counter wraps, so without this the next id would be smaller
    return str((_last_ms - EPOCH_MS) << 22 | number % 4096)


def is_snowflake(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(r"[0-9]{1,20}", value) is not None and int(value) < 1 << 64


def created_at(snowflake: str) -> datetime:
    return datetime.fromtimestamp(((int(snowflake) >> 22) + EPOCH_MS) / 1000, UTC)


def isoformat(moment: datetime) -> str:
    """Discord's time format: microseconds and a numeric offset."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def now() -> str:
    return isoformat(datetime.now(UTC))
