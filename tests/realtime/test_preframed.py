"""Ready frames on real sockets: what arrives is what `websocket.send` would have sent, and nobody is flooded."""

from __future__ import annotations

import contextlib
import socket

import pytest
from django.db import transaction
from prometheus_client import REGISTRY
from pytest_django import Settings

from realtime import preframed
from realtime.domain.append import append, lock_store
from realtime.origin import BOT
from realtime.server import OPTIONS, SEND_BUFFER, UNREAD_SECONDS, bind
from tests.realtime.conftest import Member
from tests.realtime.test_sync import deaf_client
from tests.server import Server, Socket, serve, until

PULL = {"type": "pull", "id": 'a "pull"', "cursor": 0, "live": True}
EMPTY = {"type": "events", "id": PULL["id"], "events": [], "remaining": 0}


def write(instance: str, *sizes: int) -> None:
    for size in sizes:
        with transaction.atomic():
            append(lock_store(instance), "Happened", {"fill": "é" * size}, origin=BOT)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The frames that went out ready."""
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
    """Of the three sizes that a frame's length may take, too."""
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
        for each in sockets:  # uvicorn's own sending and ours do not get into each other's way
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


def test_what_is_accepted_has_a_small_buffer_and_a_deadline_for_the_unread() -> None:
    with bind("127.0.0.1", 0) as listener:
        listener.listen()
        with socket.create_connection(listener.getsockname()), listener.accept()[0] as accepted:
            size = accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
            assert size <= 2 * SEND_BUFFER  # Linux doubles what is asked for (socket(7))
            patience = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert patience == UNREAD_SECONDS * 1000


def test_a_reader_that_stalls_is_held_to_a_frame_and_closed_a_megabyte_later(
    member: Member, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.server.UNREAD_SECONDS", 1.0)
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
