"""Frames of `/sync` that tests send, and a client that never reads."""

from __future__ import annotations

import contextlib
import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any

from websockets.client import ClientProtocol
from websockets.protocol import State
from websockets.uri import parse_uri

from tests.server import Server, Socket


def command(name: str, **args: Any) -> dict[str, Any]:
    """Return an event of a push that requests a command."""
    return {"eventId": str(uuid.uuid4()), "name": name, "args": args}


def add_track(query: str, **more: Any) -> dict[str, Any]:
    return command("AddTrack", query=query) | more


def push(socket: Socket, *events: dict[str, Any], frame_id: Any = "push") -> dict[str, Any]:
    return socket.ask({"type": "push", "id": frame_id, "events": list(events)})


def pause(socket: Socket) -> dict[str, Any]:
    return push(socket, command("Pause"))


def drain(socket: Socket, count: int) -> list[dict[str, Any]]:
    """Return the next `count` events of a live pull."""
    events: list[dict[str, Any]] = []
    while len(events) < count:
        frame = socket.receive()
        assert frame["type"] == "events", frame
        events += frame["events"]
    return events


@contextlib.contextmanager
def deaf_client(server: Server, *frames: dict[str, Any]) -> Iterator[socket.socket]:
    """Open a socket that sends something and never reads. The client of `websockets` always reads."""
    protocol = ClientProtocol(parse_uri(f"{server.url.replace('http', 'ws')}/sync"))
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        protocol.send_request(protocol.connect())
        raw.sendall(b"".join(protocol.data_to_send()))
        while protocol.state is State.CONNECTING:
            protocol.receive_data(raw.recv(1))
        for frame in frames:
            protocol.send_text(json.dumps(frame).encode())
        raw.sendall(b"".join(protocol.data_to_send()))
        yield raw
