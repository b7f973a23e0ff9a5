"""Log failures that the program survives: an outage in one line, everything else with its traceback.

Code that catches only outages logs the error with `%r`, which names it even when it has no text (TimeoutError).
"""

from __future__ import annotations

import logging

from channels.exceptions import ChannelFull
from django.db import InterfaceError, OperationalError
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import TimeoutError as RedisTimeout

# What the database and the channel layer raise while they are locked, full or unavailable.
OUTAGES = (
    OperationalError,
    InterfaceError,
    RedisAway,
    RedisTimeout,
    ChannelFull,
    ConnectionError,
    TimeoutError,
)


def log_failure(log: logging.Logger, error: BaseException, what: str, *args: object) -> None:
    """Log that `what` (a format for `args`) failed."""
    if isinstance(error, OUTAGES):
        log.warning(f"{what}: %r", *args, error)
    else:
        log.error(what, *args, exc_info=error)
