"""Pre-encoded frames on real sockets: they equal what `websocket.send` would have sent, and no peer is flooded."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from concurrent.futures import wait
from typing import Any

import pytest
from django.db import transaction
from prometheus_client import REGISTRY
from pytest_django import Settings
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from realtime import db, preframed
from realtime.domain.append import append_untyped, lock_store
from realtime.origin import BOT
from realtime.server import OPTIONS, SEND_BUFFER, UNREAD_SECONDS, bind, serving
from tests.program import free_ports
from tests.realtime.conftest import Member
from tests.realtime.frames import deaf_client
from tests.server import Server, Socket, serve
from tests.waiting import eventually, until

PULL = {"type": "pull", "id": 'a "pull"', "cursor": 0, "live": True}
EMPTY = {"type": "events", "id": PULL["id"], "events": [], "remaining": 0}


def write(instance: str, *sizes: int) -> None:
    for size in sizes:
        with transaction.atomic():
            append_untyped(lock_store(instance), "Happened", {"fill": "é" * size}, origin=BOT)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The frames that were sent pre-encoded."""
    found: list[bytes] = []
    real = preframed.PreframedProtocol.write_frame

    def noting(self: preframed.PreframedProtocol, frame: bytes) -> bool:
        taken = real(self, frame)
        if taken:
            found.append(frame)
        return taken

    monkeypatch.setattr(preframed.PreframedProtocol, "write_frame", noting)
    return found


def texts(socket: Socket, count: int) -> list[str]:
    return [str(socket.connection.recv(timeout=10)) for _ in range(count)]


def test_sockets_share_one_frame_of_each_event(member: Member, server: Server, written: list[bytes]) -> None:
    """For all three encodings of a frame's length."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(member.open(server)) for _ in range(3)]
        for each in sockets:
            assert each.ask(PULL) == EMPTY
        received = []
        for size in (1, 300, 70_000):
            write(member.instance, size)
            received.append([texts(each, 1)[0] for each in sockets])
        assert all(len(set(of_one)) == 1 for of_one in received)
        assert len(written) == 9
        assert len({id(frame) for frame in written}) == 3
        for each in sockets:  # uvicorn's sending and ours do not interfere
            assert each.ask({"type": "ping", "id": 1})["type"] == "pong"


def test_a_server_that_knows_no_ready_frames_sends_the_same(
    member: Member, settings: Settings, monkeypatch: pytest.MonkeyPatch, written: list[bytes]
) -> None:
    write(member.instance, 5, 400)
    with serve(settings) as server, member.open(server) as socket:
        ready = texts_of(socket)
    monkeypatch.setitem(OPTIONS, "ws", "websockets-sansio")
    written.clear()
    with serve(settings) as server, member.open(server) as socket:
        assert texts_of(socket) == ready
    assert written == []


def texts_of(socket: Socket) -> str:
    socket.send(PULL)
    return texts(socket, 1)[0]


async def test_a_server_stops_while_a_client_leaves() -> None:
    """The client has closed, but its connection is still there, because it has not read everything."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while True:
            await send({"type": "websocket.send", "bytes": bytes(SEND_BUFFER)})

    (port,) = free_ports(1)
    async with serving(app, host="127.0.0.1", port=port) as server:
        leaving = await asyncio.to_thread(leave_without_reading, port)
        (connection,) = server.server_state.connections
        await eventually(lambda: connection.transport.is_closing(), what="the close frame was not read")
        assert connection in server.server_state.connections
        connection.shutdown()
        leaving.close()


def leave_without_reading(port: int) -> socket.socket:
    """Open a WebSocket and close it, but read nothing after the handshake."""
    protocol = ClientProtocol(parse_uri(f"ws://127.0.0.1:{port}/"))
    raw = socket.create_connection(("127.0.0.1", port), timeout=10)
    protocol.send_request(protocol.connect())
    raw.sendall(b"".join(protocol.data_to_send()))
    while protocol.state is State.CONNECTING:
        protocol.receive_data(raw.recv(1))
    protocol.send_close(1000)
    raw.sendall(b"".join(protocol.data_to_send()))
    return raw


def test_what_is_accepted_has_a_small_buffer_and_a_deadline_for_the_unread() -> None:
    with bind("127.0.0.1", 0) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            size = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            assert size <= 2 * SEND_BUFFER  # Linux doubles the requested size (socket(7))
            patience = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert patience == UNREAD_SECONDS * 1000


def test_a_reader_that_stalls_is_held_to_a_frame_and_closed_a_megabyte_later(
    member: Member, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Long enough that we close it for falling behind, before it is closed for reading nothing.
    monkeypatch.setattr("realtime.server.UNREAD_SECONDS", 4.0)
    monkeypatch.setattr("realtime.hub.POLL_SECONDS", 0.1)
    labels = {"endpoint": "sync"}
    before = REGISTRY.get_sample_value("backline_slow_closes_total", labels) or 0.0
    init = {"type": "init", "instanceId": member.instance, "authToken": member.token}
    with serve(settings) as server, deaf_client(server, init, PULL), member.open(server) as healthy:
        assert healthy.ask(PULL) == EMPTY
        most = 0
        for _ in range(40):  # of 200 kB
            write(member.instance, 100_000)
            assert len(healthy.receive()["events"]) == 1
            most = max(most, *server.unsent())
        assert most < 600_000, "more than a frame or two waits in memory"
        until(lambda: REGISTRY.get_sample_value("backline_slow_closes_total", labels) == before + 1)
        until(lambda: server.connections == 1)
        assert healthy.ask({"type": "ping", "id": 1})["type"] == "pong"


def piece(opcode: Opcode, data: bytes, *, last: bool = False) -> bytes:
    return Frame(opcode, data, fin=last).serialize(mask=True)


FLOODS = {
    "pings": piece(Opcode.PING, b"x" * 125, last=True),
    "pongs": piece(Opcode.PONG, b"", last=True),
    "pieces of nothing": piece(Opcode.CONT, b""),
    "pieces of a byte": piece(Opcode.CONT, b"x"),
}


@pytest.mark.parametrize("flood", FLOODS)
def test_frames_that_are_no_message_come_in_moderation(flood: str, server: Server, member: Member) -> None:
    with member.open(server) as bystander, member.open(server) as flooding:
        raw = flooding.connection.socket
        if "pieces" in flood:
            raw.sendall(piece(Opcode.TEXT, b'{"type":'))
        with contextlib.suppress(OSError):  # cut off half-way
            for _ in range(100):
                raw.sendall(FLOODS[flood] * 1000)
                assert sum(server.unsent()) < 1_000_000
        with pytest.raises(ConnectionClosed):
            flooding.receive()
        until(lambda: server.connections == 1)
        assert bystander.ask({"type": "ping", "id": 1})["type"] == "pong"


def test_a_large_message_may_come_in_pieces(server: Server, member: Member) -> None:
    name = "x" * 700_000
    text = b'{"type":"ping","id":1,"name":"%b"}' % name.encode()
    with member.open(server) as client:
        for _ in range(7):  # more pieces in all than small ones are allowed
            for start in range(0, len(text), preframed.PIECE_BYTES):
                opcode = Opcode.CONT if start else Opcode.TEXT
                part = text[start : start + preframed.PIECE_BYTES]
                last = start + preframed.PIECE_BYTES >= len(text)
                client.connection.socket.sendall(piece(opcode, part, last=last))
            assert client.receive()["type"] == "pong"


def test_who_speaks_before_the_answer_is_cut_off(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    head = f"GET /sync?token=x HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
    head += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    answered = threading.Event()
    waiting = [db._pool.submit(answered.wait) for _ in range(db._pool._max_workers)]  # no tokens are checked
    try:
        with socket.create_connection(("127.0.0.1", server.port)) as raw:
            raw.settimeout(10)
            raw.sendall(head.encode())
            until(lambda: any(isinstance(c, preframed.PreframedProtocol) for c in server.protocols()))
            raw.sendall(b"\xff" * 100)
            with contextlib.suppress(ConnectionResetError):
                assert raw.recv(100) == b""
    finally:
        answered.set()
    wait(waiting)
    assert "Fatal error" not in caplog.text
