"""The program's ASGI application under uvicorn, in a thread of the test process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Self

import uvicorn
from pytest_django import Settings
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from realtime.server import OPTIONS, bind
from tests.waiting import until

WAIT_SECONDS = 10.0
GRACEFUL_SECONDS = 1.0


class Socket:
    """A client of `/sync` that sends and receives frames."""

    def __init__(self, opening: AbstractContextManager[ClientConnection]) -> None:
        self._opening = opening
        self.connection = opening.__enter__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._opening.__exit__(None, None, None)

    def send(self, frame: dict[str, Any]) -> None:
        self.connection.send(json.dumps(frame, ensure_ascii=False))

    def receive(self, *, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
        """Return the next frame. Raises TimeoutError or ConnectionClosed."""
        frame: dict[str, Any] = json.loads(self.connection.recv(timeout=seconds))
        return frame

    def ask(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Send a frame and return the first one that comes back."""
        self.send(frame)
        return self.receive()

    def init(self, instance: str, token: str | None = None) -> dict[str, Any]:
        frame = {"type": "init", "id": "init", "instanceId": instance}
        return self.ask(frame if token is None else frame | {"authToken": token})

    def close_code(self) -> int | None:
        """Read to the end of the connection. Returns its close code."""
        deadline = time.monotonic() + WAIT_SECONDS
        try:
            while time.monotonic() < deadline:
                self.connection.recv(timeout=WAIT_SECONDS)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None
        raise AssertionError("still open")


class Prompt(uvicorn.Server):
    """A server that stops at once. uvicorn checks ten times a second, which would be most of a short test's time."""

    async def main_loop(self) -> None:
        self._loop, self._asked = asyncio.get_running_loop(), asyncio.Event()
        await self.on_tick(0)
        await self._asked.wait()

    def ask_to_end(self) -> None:
        with contextlib.suppress(RuntimeError):  # it has stopped, and its loop is closed
            self._loop.call_soon_threadsafe(self._asked.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close every connection, and cancel what takes longer than the second of grace."""
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        state, deadline = self.server_state, time.monotonic() + GRACEFUL_SECONDS
        while (state.connections or state.tasks) and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        for task in state.tasks:
            task.cancel()


class Server:
    def __init__(self, program: Prompt, listener: socket.socket) -> None:
        self.port: int = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._program = program
        self._thread = threading.Thread(target=program.run, kwargs={"sockets": [listener]}, name="server")

    def connect(self, path: str = "/sync", **options: Any) -> Socket:
        """Open a socket. `options` are those of `websockets`. Raises InvalidStatus if the upgrade is refused."""
        url = f"ws://127.0.0.1:{self.port}{path}"
        return Socket(connect(url, open_timeout=WAIT_SECONDS, close_timeout=2, max_size=None, **options))

    @property
    def connections(self) -> int:
        """The number of connected clients, including HTTP."""
        return len(self._program.server_state.connections)

    def protocols(self) -> list[Any]:
        """uvicorn's protocol for each client: HTTP, and WebSocket after an upgrade."""
        return list(self._program.server_state.connections)

    def unsent(self) -> list[int]:
        """The number of bytes that the server buffers for each client's socket."""
        return [each.transport.get_write_buffer_size() for each in self.protocols()]

    def drop_connections(self) -> None:
        """Abort every client's connection, as a broken network would."""

        def cut() -> None:
            for connection in list(self._program.server_state.connections):
                connection.transport.abort()

        self._program.servers[0].get_loop().call_soon_threadsafe(cut)

    def start(self) -> None:
        self._thread.start()
        until(lambda: self._program.started or not self._thread.is_alive())
        assert self._program.started

    def stop(self) -> None:
        """Stop as on SIGTERM. May be called twice."""
        self._program.ask_to_end()
        self._thread.join(timeout=WAIT_SECONDS)
        assert not self._thread.is_alive(), "the server did not stop"


@contextlib.contextmanager
def serve(settings: Settings) -> Iterator[Server]:
    """Serve `config.asgi.application` on a free loopback port, as `runweb` does."""
    from config.asgi import application

    with bind("127.0.0.1", 0) as listener:
        running = Server(Prompt(uvicorn.Config(application, **OPTIONS)), listener)
        settings.ALLOWED_ORIGINS = [*settings.ALLOWED_ORIGINS, running.url]
        running.start()
        try:
            yield running
        finally:
            running.stop()
