"""Runs a measurement on SQLite and on PostgreSQL, each in a process of its own: Django is set up once in a process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.load.processes import ROOT, cpu_of
from bench.load.requests import program


class Cpu:
    """The CPU seconds of this process, and of the processes of its PostgreSQL."""

    def __init__(self, server: int | None) -> None:
        self._server = server

    def seconds(self) -> float:
        return time.process_time() + sum(cpu_of(pid) for pid in self._backends())

    def precise_ms(self) -> float:
        """Return the same in milliseconds, precise enough for single statements (Linux: Scheduler Statistics)."""
        nanoseconds = sum(
            int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in self._backends()
        )
        return time.process_time() * 1000 + nanoseconds / 1e6

    def _backends(self) -> list[str]:
        """Return the process ids of all backends, which are children of the server."""
        if self._server is None:
            return []
        return Path(f"/proc/{self._server}/task/{self._server}/children").read_text().split()


@contextmanager
def postgres() -> Iterator[tuple[str, int]]:
    """Run PostgreSQL as the tests do. Yields the database's URL and the server's process id."""
    from tests.services import start_postgres

    with tempfile.TemporaryDirectory(prefix="backline-bench-") as folder:
        url = start_postgres(Path(folder))
        (pid_file,) = Path(folder).rglob("postmaster.pid")
        yield url, int(pid_file.read_text().split()[0])


def each_database(bench: str, databases: Sequence[str], *options: str) -> Iterator[tuple[Cpu, str]]:
    """Yield the CPU clock and an access token for the database, with the program set up and empty.

    With none or several, run the bench once for each instead, and yield nothing.
    """
    if len(databases) != 1:
        for database in databases or ["sqlite", "postgres"]:
            subprocess.run([sys.executable, "-m", f"bench.{bench}", database, *options], cwd=ROOT, check=True)
        return
    print(f"\n{databases[0]}")
    if databases[0] == "sqlite":
        with program() as token:
            yield Cpu(None), token
        return
    with postgres() as (url, pid), program(database_url=url) as token:
        yield Cpu(pid), token
