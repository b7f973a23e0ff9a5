"""Calls the program's ASGI application without a socket, and measures its database."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

STEPS = 100  # SQLite calls the progress handler after this many of its instructions
PACE_MS = 0.8  # CPU of `_fixed_work` on the machine on which the bounds were set
PACED = 3  # times before and after each act


async def call(app: Any, method: str, path: str, body: object = None, *, token: str) -> Any:
    """Send a request to `app` and return the JSON response. Raises RuntimeError if the status is not 2xx."""
    content = b"" if body is None else json.dumps(body).encode()
    received = asyncio.Queue[dict[str, Any]]()
    received.put_nowait({"type": "http.request", "body": content, "more_body": False})
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    headers = {
        "host": "127.0.0.1:1337",
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "content-length": str(len(content)),
    }
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 1337),
        "extensions": {},
    }
    await app(scope, received.get, send)
    answer = b"".join(message.get("body", b"") for message in sent[1:])
    if sent[0]["status"] // 100 != 2:
        raise RuntimeError(f"{method} {path}: {sent[0]['status']} {answer!r}")
    return json.loads(answer) if answer else None


@dataclass
class Spent:
    """The costs of each act of one kind. `rows` are rows returned to the program, `steps` are SQLite's instructions.

    `cpu_ms` are milliseconds on the machine on which the bounds were set (see `Meter.measure`).
    """

    queries: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float:
        return statistics.median(self.cpu_ms)


def _fixed_work() -> int:
    """Do a fixed piece of work of the same kind as a request: objects, dictionaries, text and JSON."""
    event = {
        "item": {"id": "x" * 36, "track": {"uri": "library:" + "0" * 32, "title": "Song"}, "rank": 1 << 20}
    }
    rows = [Spent([number]) for number in range(400)]
    by_name = {f"row {row.queries[0]}": row for row in rows}
    total = sum(by_name[f"row {number}"].queries[0] for number in range(400))
    return total + sum(len(json.dumps(json.loads(json.dumps(event)))) for _ in range(40))


def measure_pace() -> list[float]:
    """Return how many times longer than PACE_MS the fixed work takes now."""
    found = []
    for _ in range(PACED):
        begun = time.process_time()
        _fixed_work()
        found.append((time.process_time() - begun) * 1000 / PACE_MS)
    return found


class Meter:
    """Counts queries, rows and steps on all database connections opened after its creation. SQLite only."""

    def __init__(self) -> None:
        from django.db import connections
        from django.db.backends.signals import connection_created

        self.queries = self.rows = self.steps = 0
        self.paces: list[float] = []
        connection_created.connect(self._watch)
        connections.close_all()

    def _watch(self, connection: Any, **kwargs: Any) -> None:
        def row(cursor: Any, values: tuple[Any, ...]) -> tuple[Any, ...]:
            self.rows += 1
            return values

        def step() -> int:
            self.steps += STEPS
            return 0

        if self._count not in connection.execute_wrappers:
            connection.execute_wrappers.append(self._count)
        connection.connection.row_factory = row
        connection.connection.set_progress_handler(step, STEPS)

    def _count(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.queries += not sql.startswith(("BEGIN", "COMMIT"))
        return execute(sql, params, many, context)

    async def measure[R](self, spent: Spent, act: Callable[[], Awaitable[R]]) -> R:
        """Await `act()` and return its result. The costs are appended to `spent`.

        The same code takes twice the CPU on another machine, or while other programs use this one. Therefore a fixed
        piece of work is measured before and after the act, and the act's CPU is divided by what that took.
        """
        paces = measure_pace()
        before = self.queries, self.rows, self.steps
        begun = time.process_time()
        result = await act()
        taken = time.process_time() - begun
        pace = statistics.median(paces + measure_pace())
        self.paces.append(pace)
        spent.cpu_ms.append(taken * 1000 / pace)
        for values, now, then in zip(
            (spent.queries, spent.rows, spent.steps),
            (self.queries, self.rows, self.steps),
            before,
            strict=True,
        ):
            values.append(now - then)
        return result
