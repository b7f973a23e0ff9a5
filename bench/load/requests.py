"""Runs the program in this process, and measures requests through its whole stack."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

WARM_UP = 20


def set_up_django(*, database_url: str = "") -> None:
    """Configure the program for that database, or SQLite in `DATA_DIR`, regardless of the environment."""
    for name in ("DATABASE_URL", "REDIS_URL", "ENVIRONMENT"):
        os.environ.pop(name, None)
    if database_url:
        os.environ["DATABASE_URL"] = database_url
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()


@contextmanager
def program(*, database_url: str = "") -> Iterator[str]:
    """Set up the program with an empty database, SQLite's by default. Yields an access token of its user `bench`."""
    with tempfile.TemporaryDirectory(prefix="backline-bench-") as folder:
        os.environ |= {"DATA_DIR": folder, "ENV_FILE": os.devnull, "LOG_LEVEL": "ERROR"}
        os.environ["ACCESS_TOKEN_SECONDS"] = "86400"  # longer than a measurement on a slow machine
        set_up_django(database_url=database_url)
        from django.core.management import call_command

        from accounts.domain.sessions import begin_session
        from accounts.models import User
        from accounts.tokens import issue_access

        call_command("migrate", verbosity=0, interactive=False)
        user = User.objects.create(discord_id="200000000000000001", username="bench")
        yield issue_access(begin_session(user, device="bench", address=None))[0]


@dataclass
class Cost:
    queries: int
    times_ms: list[float]  # ascending

    @property
    def median_ms(self) -> float:
        return statistics.median(self.times_ms)

    def __str__(self) -> str:
        p99 = self.times_ms[int(len(self.times_ms) * 0.99) - 1]
        return f"{self.queries} queries   median {self.median_ms:6.2f} ms   p99 {p99:6.2f} ms"


def measure_requests(requests: Mapping[str, Callable[[], object]], count: int) -> dict[str, Cost]:
    """Make each request `count` times, in turns, so that a slow moment of the machine affects all of them."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    costs = {}
    for name, request in requests.items():
        for _ in range(WARM_UP):
            request()
        with CaptureQueriesContext(connection) as captured:
            request()
        costs[name] = Cost(len(captured), [])
    for _ in range(count):
        for name, request in requests.items():
            begun = time.perf_counter()
            request()
            costs[name].times_ms.append((time.perf_counter() - begun) * 1000)
    for cost in costs.values():
        cost.times_ms.sort()
    return costs
