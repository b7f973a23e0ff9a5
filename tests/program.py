"""Programs that tests start, and observe from outside."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx
from django.conf import settings
from django.db import connection

from tests.forked import fork
from tests.services import SETTINGS
from tests.waiting import until

START_SECONDS = 180.0  # several programs start at once, while other tests use both cores


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def on_free_ports(folder: Path) -> dict[str, str]:
    """Return the environment of an installation in this folder."""
    web, bot, discord = map(str, free_ports(3))
    (folder / "empty.env").touch()
    return {
        "DATA_DIR": str(folder),
        "ENV_FILE": str(folder / "empty.env"),
        "API_PORT": web,
        "BOT_API_PORT": bot,
        "SANDBOX_PORT": discord,
    }


class Program:
    """One program with its own environment. It ends with the tests, however they end."""

    def __init__(self, arguments: list[str], *, log: Path, **environment: str) -> None:
        """`arguments` are those of Python: a file's name or `-c` and code, and what follows."""
        self.arguments = arguments
        self.log = log
        self.environment = environment
        self._process: BaseProcess | None = None

    def start(self) -> None:
        assert not self.running
        kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        self._process = fork(self.arguments, log=self.log, environment=kept | self.environment)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.is_alive()

    @property
    def pid(self) -> int:
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    def cpu_seconds(self) -> float:
        """Return the process's user and system time so far (proc(5), /proc/pid/stat)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal. Returns the exit code and how many seconds it took."""
        begun = time.monotonic()
        os.kill(self.pid, number)
        try:
            return self.wait(seconds=15), time.monotonic() - begun
        except TimeoutError:
            os.kill(self.pid, signal.SIGABRT)  # faulthandler prints where it hangs
            self.wait(seconds=5)
            raise AssertionError(
                f"still running 15 s after {number.name}:\n{self.output()[-4000:]}"
            ) from None

    def wait(self, *, seconds: float = 30.0) -> int:
        """Wait until it ends by itself. Returns the exit code. Raises TimeoutError."""
        assert self._process is not None
        self._process.join(seconds)
        if self._process.exitcode is None:
            raise TimeoutError
        return self._process.exitcode

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.join()

    def output(self) -> str:
        return self.log.read_text(errors="replace")


@dataclass
class AnotherWeb:
    """A `runweb` beside the tests' own server."""

    port: int
    program: Program

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        assert self.program.running, self.program.output()
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


def on_this_database(folder: Path) -> dict[str, str]:
    """Return the environment of a program that uses the test's database, and this folder for its data."""
    name = connection.settings_dict["NAME"]
    url = f"sqlite:///{name}"
    if connection.vendor == "postgresql":
        url = f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"
    (folder / "empty.env").touch()
    return {"DATABASE_URL": url, "DATA_DIR": str(folder), "ENV_FILE": str(folder / "empty.env")}


@contextmanager
def another_web(folder: Path, **environment: str) -> Iterator[AnotherWeb]:
    """Run one on the test's database with the tests' keys."""
    (port,) = free_ports(1)
    keys = {
        "SECRET_KEY": settings.SECRET_KEY,
        "JWT_SECRET": settings.JWT_SECRET,
        "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS),
    }
    environment = on_this_database(folder) | keys | {"API_PORT": str(port)} | environment
    web = AnotherWeb(port, Program(["manage.py", "runweb"], log=folder / "another-web.log", **environment))
    web.program.start()
    try:
        until(web.ready, within=START_SECONDS)
        yield web
    finally:
        web.program.kill()
