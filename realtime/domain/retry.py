"""Retry a transaction that the database aborted in favor of another one."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable

from django.db import OperationalError, connection

ATTEMPTS = 4
# PostgreSQL: deadlock_detected, serialization_failure. Two batches may insert the same new tracks in different orders.
_GIVEN_UP = {"40P01", "40001"}


def retrying[**P, R](transact: Callable[P, R]) -> Callable[P, R]:
    """Wrap a function that is one whole transaction. Inside an outer transaction it does not retry."""

    @functools.wraps(transact)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return transact(*args, **kwargs)
            except OperationalError as error:
                given_up = getattr(error.__cause__, "sqlstate", None) in _GIVEN_UP
                if not given_up or connection.in_atomic_block or attempt == ATTEMPTS:
                    raise
                time.sleep(random.uniform(0, 0.05 * attempt))
        raise AssertionError("unreachable")

    return again
