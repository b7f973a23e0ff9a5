"""A client of `/ws`, and people with sessions."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from websockets.sync import client
from websockets.sync.client import ClientConnection

from accounts.models import User
from tests.factories import SessionFactory
from tests.people import LoggedIn
from tests.server import WAIT_SECONDS, Server, Socket

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4


@dataclass(frozen=True)
class Shown:
    """A binary frame as a consumer receives it."""

    header: dict[str, Any]
    payload: bytes


def pack(header: dict[str, Any] | bytes, payload: bytes = b"") -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(2) + raw + payload


class Device(Socket):
    def __init__(self, opening: AbstractContextManager[ClientConnection]) -> None:
        super().__init__(opening)
        self.connection_id = ""

    def register(self, stream: str, **options: Any) -> dict[str, Any]:
        """Register and return the response. `produces` and `consumes` are lists of types."""
        answer = self.ask({"type": "register", "clientType": "test", "streamId": stream, **options})
        self.connection_id = answer.get("connectionId", "")
        return answer

    def show(self, header: dict[str, Any], payload: bytes = JPEG) -> None:
        self.connection.send(pack(header, payload))

    def next(self, *, seconds: float = WAIT_SECONDS) -> dict[str, Any] | Shown:
        message = self.connection.recv(timeout=seconds)
        if isinstance(message, str):
            found: dict[str, Any] = json.loads(message)
            return found
        length = int.from_bytes(message[:2])
        return Shown(json.loads(message[2 : 2 + length]), message[2 + length :])

    def next_frame(self, *, seconds: float = WAIT_SECONDS) -> Shown:
        found = self.next(seconds=seconds)
        assert isinstance(found, Shown), found
        return found

    def until(self, type_: str) -> dict[str, Any]:
        """Return the next text message of that type, and drop others before it."""
        while True:
            found = self.next()
            if isinstance(found, dict) and found["type"] == type_:
                return found

    def quiet(self) -> None:
        """Assert that nothing is pending: the response to a ping comes next."""
        answer = self.ask({"type": "ping", "id": "quiet"})
        assert (answer["type"], answer["id"]) == ("pong", "quiet")


class Person(LoggedIn):
    def open(self, server: Server, token: str | None = None) -> Device:
        headers = {"Authorization": f"Bearer {token or self.token}"}
        return connect(server, additional_headers=headers)

    def on(self, server: Server, stream: str, **options: Any) -> Device:
        """Return a device that is registered on a stream."""
        device = self.open(server)
        answer = device.register(stream, **options)
        assert answer["type"] == "registered", answer
        return device


def connect(server: Server, path: str = "/ws", **options: Any) -> Device:
    url = f"ws://127.0.0.1:{server.port}{path}"
    return Device(client.connect(url, open_timeout=WAIT_SECONDS, close_timeout=2, max_size=None, **options))


def make_person(user: User | None = None) -> Person:
    session = SessionFactory.create(**({"user": user} if user else {}))
    return Person(session.user, session)
