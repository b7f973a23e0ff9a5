"""Production's processes on PostgreSQL and Redis: two web workers and a separate bot, with hints between them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidMessage
from websockets.sync.client import ClientConnection

from tests.e2e.conftest import Measured
from tests.e2e.parts import (
    Parts,
    connect_to,
    empty_database,
    next_event,
    running_parts,
    serves,
    watch,
    workers_of,
)
from tests.e2e.program import Person
from tests.program import Program
from tests.streams.device import Device
from tests.waiting import until

MOST_SOCKETS = 40
WITHIN_SECONDS = 40.0
BY_PROC = pytest.mark.skipif(
    not Path("/proc/self/net/tcp").exists(), reason="finds workers and their sockets by /proc"
)
BROKEN = (OSError, ConnectionClosed, InvalidMessage)  # errors of a killed worker's sockets


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with empty_database() as url:
        yield url


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, postgres: str, music: Path) -> Iterator[Parts]:
    with running_parts(tmp_path_factory.mktemp("processes"), database_url=postgres, music=music) as parts:
        yield parts


@contextlib.contextmanager
def on_each_worker(
    parts: Parts, open_socket: Callable[[], ClientConnection]
) -> Iterator[tuple[list[ClientConnection], int]]:
    """Yield a socket on each of the two workers, and how many had to be opened."""
    workers = workers_of(parts.web.pid)
    assert len(workers) == 2
    found: dict[int, ClientConnection] = {}
    with contextlib.ExitStack() as stack:
        for opened in range(1, MOST_SOCKETS):  # the kernel decides which worker accepts
            socket = stack.enter_context(open_socket())
            port = socket.socket.getsockname()[1]
            found.setdefault(next(pid for pid in workers if serves(pid, port)), socket)
            if len(found) == 2:
                yield list(found.values()), opened
                return
        raise AssertionError("the kernel gave every connection to one worker")


@BY_PROC
def test_an_event_reaches_sockets_of_every_worker_and_the_bot_plays(parts: Parts) -> None:
    installation = parts.installation
    owner = installation.log_in("owner")
    installation.sit("owner", "Stage left")
    with on_each_worker(parts, lambda: watch(owner)) as (sockets, opened):
        metrics = httpx.get(f"{installation.web_url}/metrics").text  # one worker reports for both
        assert f'backline_sockets_open{{endpoint="sync"}} {opened}.0' in metrics
        item = owner.add("440 Hz")
        for socket in sockets:
            assert next_event(socket, "TrackAdded")["args"]["item"]["id"] == item["id"]
        report = installation.hear(440, after=50)
        assert (report["dave"], report["frames_bad"]) == (1, 0)
        until(lambda: owner.player()["status"] == "playing")


@BY_PROC
def test_what_is_said_on_a_stream_reaches_sockets_of_every_worker(parts: Parts) -> None:
    owner = parts.installation.log_in("owner")
    assert owner.api.post("/api/streams", json={"id": "radio", "name": "Radio"}).status_code == 201

    def join() -> ClientConnection:
        device = Device(connect_to(owner, "/ws"))
        assert device.register("radio", produces=["note"], consumes=["note"])["type"] == "registered"
        return device.connection

    def crosses() -> bool:  # once the other worker has joined the stream's group
        here.send(json.dumps({"type": "note", "text": "hello"}))
        with contextlib.suppress(TimeoutError):
            return bool(json.loads(there.recv(timeout=0.2))["text"] == "hello")
        return False

    with on_each_worker(parts, join) as ((here, there), _):
        until(crosses)


class Follower(threading.Thread):
    """Follows a store live. When the socket breaks, it reconnects with its cursor."""

    def __init__(self, person: Person, instance: str, *, wanted: int) -> None:
        super().__init__(daemon=True)
        self.person, self.instance, self.wanted = person, instance, wanted
        self.events: list[dict[str, Any]] = []
        self.ports: list[int] = []

    def run(self) -> None:
        until(self._follow, within=WITHIN_SECONDS, what="the follower has every event")

    def _follow(self) -> bool:
        """Follow until the socket breaks. Returns whether all events have arrived."""
        with contextlib.suppress(*BROKEN), speak(self.person, self.instance) as socket:
            self.ports.append(socket.socket.getsockname()[1])
            cursor = self.events[-1]["seqNum"] if self.events else 0
            socket.send(json.dumps({"type": "pull", "id": 2, "cursor": cursor, "live": True}))
            while len(self.events) < self.wanted:
                self.events += json.loads(socket.recv(timeout=10))["events"]
        return len(self.events) >= self.wanted


def speak(person: Person, instance: str) -> ClientConnection:
    socket = connect_to(person, "/sync")
    socket.send(json.dumps({"type": "init", "id": 1, "instanceId": instance}))
    assert json.loads(socket.recv(timeout=10))["type"] == "ready"
    return socket


def push_all(person: Person, instance: str, event_ids: list[str]) -> None:
    """Push one event after another, each until it is acknowledged, over as many connections as needed."""
    left = list(event_ids)

    def push() -> bool:
        with contextlib.suppress(*BROKEN), speak(person, instance) as socket:
            while left:
                event = {"eventId": left[0], "name": "Counted", "args": {}}
                socket.send(json.dumps({"type": "push", "id": 3, "events": [event]}))
                assert json.loads(socket.recv(timeout=10))["type"] == "ack"
                left.pop(0)
        return not left

    until(push, within=WITHIN_SECONDS, what="every push is acknowledged")


@BY_PROC
def test_a_worker_killed_mid_stream_costs_nobody_an_event(parts: Parts, measured: Measured) -> None:
    """Its clients reconnect to the other worker and resume. An unacknowledged push is sent again."""
    owner = parts.installation.log_in("owner")
    event_ids = [f"event-{number:04}" for number in range(300)]
    speak(owner, "app:chaos").close()  # the first request creates the store
    followers = [Follower(owner, "app:chaos", wanted=len(event_ids)) for _ in range(6)]
    writer = threading.Thread(target=push_all, args=(owner, "app:chaos", event_ids), daemon=True)
    for thread in (*followers, writer):
        thread.start()
    until(lambda: all(len(follower.events) > 20 for follower in followers))
    doomed = next(pid for pid in workers_of(parts.web.pid) if serves(pid, followers[0].ports[-1]))
    seen = [len(follower.events) for follower in followers]
    os.kill(doomed, signal.SIGKILL)
    begun = time.monotonic()
    for thread in (writer, *followers):
        thread.join(timeout=45)
    measured("worker killed: everybody has everything", time.monotonic() - begun)
    assert max(seen) < len(event_ids), "it was all over before"
    assert len(followers[0].ports) > 1
    for follower in followers:
        assert [event["seqNum"] for event in follower.events] == list(range(1, len(event_ids) + 1))
        assert [event["eventId"] for event in follower.events] == event_ids
    until(lambda: len(workers_of(parts.web.pid)) == 2, within=30)


def test_another_bot_process_takes_over_after_kill_9(parts: Parts, measured: Measured) -> None:
    installation = parts.installation
    owner = installation.log_in("owner")
    before = owner.player()
    parts.bot.kill()
    until(lambda: (report := installation.report()) is None or report["silence_ms"] > 500)
    assert owner.add("Sawdust Waltz")["state"] == "queued"
    begun = time.monotonic()
    parts.bot.start()
    installation.hear(440)
    measured("bot started after kill -9: sounding again", time.monotonic() - begun)
    until(lambda: owner.player()["status"] == "playing")
    after = owner.player()
    assert after["item"]["id"] == before["item"]["id"]
    assert len(owner.queue()) == 1


ALARM = "alarm"


@contextlib.contextmanager
def consumer(person: Person, *, since: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a service that prints the stream's alerts into `log`, one per line."""
    options = [
        "--url",
        person.backline.web_url,
        "--stream",
        ALARM,
        "--consumes",
        "alert",
        "--since",
        str(since),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "backline_client", "ws", *options],
            env=os.environ | {"SESSION_TOKEN": person.access},
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def heard(log: Path) -> list[tuple[int, str]]:
    """Return the alerts that a consumer printed: `(seq, text)`."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [(line["seq"], line["text"]) for line in lines if line["type"] == "alert"]


def raise_alert(person: Person, text: str, *, doomed: list[int] | None = None) -> int:
    """Raise an alert and wait for the acknowledgement. Of the pids in `doomed`, the server that sent it is then killed.

    Returns the alert's seq.
    """
    with connect_to(person, "/ws") as socket:
        answer: dict[str, Any] = {}
        for frame in (
            {"type": "register", "clientType": "test", "streamId": ALARM, "produces": ["alert"]},
            {"type": "alert", "text": text, "level": "high", "id": f"alert {text}"},
        ):
            socket.send(json.dumps(frame))
            answer = json.loads(socket.recv(timeout=10))
        assert answer["type"] == "ack", answer
        if doomed:
            port = socket.socket.getsockname()[1]
            os.kill(next(pid for pid in doomed if serves(pid, port)), signal.SIGKILL)
        return int(answer["seq"])


@BY_PROC
def test_alerts_survive_kill_9_of_consumer_server_and_bot(
    parts: Parts, postgres: str, tmp_path: Path, measured: Measured
) -> None:
    """The bot dies after Discord stored the message and before it responded. The channel has the message once."""
    installation = parts.installation
    owner, general = installation.log_in("owner"), installation.channel("general")
    assert owner.api.post("/api/streams", json={"id": ALARM, "name": "Alarm"}).status_code == 201
    owner.do("POST", "alert-rules", json={"stream_id": ALARM, "channel_id": general})

    def posted(text: str) -> list[dict[str, Any]]:
        printed = [m for m in installation.state()["messages"] if m["channel_id"] == general]
        return [m for m in printed if any(e.get("description") == text for e in m["embeds"])]

    def kept() -> list[tuple[str, int]]:
        with psycopg.connect(postgres) as database:
            found = database.execute("SELECT state, attempts FROM alerts_alertpost ORDER BY id")
            return [(str(state), int(attempts)) for state, attempts in found]

    with consumer(owner, since=0, log=tmp_path / "first") as doomed:
        assert raise_alert(owner, "one") == 1
        until(lambda: heard(tmp_path / "first") == [(1, "one")])
        doomed.kill()  # it misses the next alerts
    until(lambda: kept() == [("posted", 1)])

    installation.fault("latency", path="/messages$", ms=60_000, count=1, done=True)
    assert raise_alert(owner, "two", doomed=workers_of(parts.web.pid)) == 2
    until(lambda: posted("two"), within=4.0)
    parts.bot.kill()
    assert kept() == [("posted", 1), ("pending", 1)]  # Discord has the message, but that was not stored
    with psycopg.connect(postgres, autocommit=True) as database:  # as after half a minute
        database.execute("UPDATE alerts_alertpost SET lease_expires_at = now() WHERE state = 'pending'")
    begun = time.monotonic()
    parts.bot.start()
    until(lambda: kept() == [("posted", 1), ("posted", 2)], within=30)
    measured("bot started after kill -9: its alert noted", time.monotonic() - begun)
    assert (len(posted("one")), len(posted("two"))) == (1, 1)

    with consumer(owner, since=1, log=tmp_path / "second"):
        until(lambda: heard(tmp_path / "second") == [(2, "two")])
    until(lambda: len(workers_of(parts.web.pid)) == 2, within=30)


@pytest.mark.parametrize("name", ["bot", "web", "sandbox"])
def test_each_process_ends_when_asked(parts: Parts, measured: Measured, name: str) -> None:
    log = parts.installation.log
    printed = len(log.read_text())
    program: Program = getattr(parts, name)
    code, seconds = program.stop(signal.SIGTERM)
    measured(f"SIGTERM to {name}: ended", seconds)
    assert "Traceback" not in log.read_text()[printed:], log.read_text()[printed:]
    assert code == 0


@BY_PROC
def test_workers_end_with_their_supervisor(parts: Parts) -> None:
    """However it ends: orphaned workers would keep the port, and nothing would restart them."""
    if not parts.web.running:  # it was stopped by a signal
        parts.web.start()
    parts.installation.wait_ready(parts.web)
    workers = workers_of(parts.web.pid)
    assert len(workers) == 2
    parts.web.kill()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
