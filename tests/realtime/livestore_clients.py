"""Two real LiveStore clients with the published `@livestore/sync-cf` 0.4.0, in Node.

`python -m bench.livestore` runs this file. `make test` does not: npm fetches their packages first.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.domain.sessions import begin_sync_session
from realtime.models import Event, Store
from tests.realtime.conftest import Member
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "livestore-todo"


class Peer:
    """A Node process that runs the clients."""

    def __init__(self, log: Path) -> None:
        self._log = log.open("w")
        self.process = subprocess.Popen(
            ["node", str(ROOT / "tests/realtime/livestore_peer.mjs")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
        )  # fmt: skip

    def ask(self, act: str, client: str, **more: object) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": act, "client": client, **more}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        assert "ok" in answer, answer
        return answer["ok"]

    def texts(self, client: str) -> list[str]:
        return [todo["text"] for todo in self.ask("list", client)]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self._log):
            assert pipe is not None
            pipe.close()


@pytest.fixture(scope="module")
def packages() -> None:
    """The example's packages, installed if they are missing."""
    if shutil.which("npm") is None:
        pytest.skip("no npm")
    if (EXAMPLE / "node_modules" / "@livestore" / "sync-cf").is_dir():
        return
    install = ["npm", "install", "--no-audit", "--no-fund"]
    try:
        subprocess.run(install, cwd=EXAMPLE, check=True, capture_output=True, timeout=300)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"npm cannot fetch LiveStore: {type(error).__name__}")


@pytest.fixture
def peer(packages: None, tmp_path: Path) -> Iterator[Peer]:
    peer = Peer(tmp_path / "peer.log")
    try:
        yield peer
    finally:
        peer.close()


def test_two_clients_agree_whatever_happens_to_their_sockets(
    peer: Peer, server: Server, member: Member
) -> None:
    token, _ = begin_sync_session(member.user, store="app:todo", device="test", address=None)
    for client, credential in (("desk", token), ("phone", member.token)):
        peer.ask("open", client, url=server.url, storeId="todo", authToken=credential)

    def agree(*texts: str) -> None:
        until(lambda: peer.texts("desk") == peer.texts("phone") == sorted(texts), within=30)

    peer.ask("add", "desk", text="a")
    agree("a")
    known = ["a"]
    for number in range(3):
        # At the same time: the second one rebases. One event each, because in LiveStore 0.4.0 an event committed
        # while an earlier one is being rebased may never reach its own leader.
        known += [f"d{number}", f"p{number}"]
        peer.ask("add", "desk", text=known[-2])
        peer.ask("add", "phone", text=known[-1])
        agree(*known)

    server.drop_connections()
    peer.ask("add", "desk", text="x")
    agree(*known, "x")
    server.drop_connections()
    peer.ask("add", "phone", text="y")
    agree(*known, "x", "y")

    first = next(todo for todo in peer.ask("list", "phone") if todo["text"] == "a")
    peer.ask("finish", "phone", id=first["id"])
    until(lambda: [todo["done"] for todo in peer.ask("list", "desk") if todo["text"] == "a"] == [True])

    store = Store.objects.get(name="app:todo")
    log = list(Event.objects.filter(store=store).order_by("seq"))
    assert [(event.seq, event.parent_seq) for event in log] == [(n, n - 1) for n in range(1, len(log) + 1)]
    assert {event.actor_id for event in log} == {member.user.pk}
    assert {event.client_id for event in log} == {"desk", "phone"}
