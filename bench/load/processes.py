"""Runs a server in a separate process, and reads its CPU time and memory from /proc."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def cpu_of(pid: int | str) -> float:
    """Return seconds of user and system time of a process, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


class ServerProcess:
    """A running server. `hello` is the JSON that it printed at its start: `port`, and other values for clients."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"the server ended with {process.wait()}")
        self.hello: dict[str, Any] = json.loads(line)
        self.port: int = self.hello["port"]

    def send_line(self, line: str) -> None:
        """Write a command to the server, such as `publish 1`."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def ask(self, line: str) -> dict[str, Any]:
        """Write a command that has a response. Returns the response."""
        self.send_line(line)
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    @property
    def cpu(self) -> float:
        return cpu_of(self._process.pid)

    @property
    def memory(self) -> int:
        """Resident bytes."""
        return int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]) * _PAGE


@contextmanager
def server(command: Sequence[str], *, env: dict[str, str] | None = None) -> Iterator[ServerProcess]:
    """Run a server that prints one line of JSON when it listens, and ends when its stdin is closed."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | (env or {}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield ServerProcess(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def python_server(name: str, *arguments: str) -> Iterator[ServerProcess]:
    """Run a server of bench/load/servers.py with a new data folder."""
    with tempfile.TemporaryDirectory(prefix="backline-bench-") as folder:
        env = {"DATA_DIR": folder, "ENV_FILE": os.devnull, "LOG_LEVEL": "ERROR", "SOCKETS_PER_PERSON": "0"}
        with server([sys.executable, "-m", "bench.load.servers", name, *arguments], env=env) as running:
            yield running


def allow_files() -> None:
    """Raise the limit of open sockets for this process and its children to the system's maximum."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def verdict(figure: str, reference: str, held: bool) -> None:
    print(f"{figure}   (reference: {reference}){'' if held else '   MISSED'}")
