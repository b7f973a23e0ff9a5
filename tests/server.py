"""The program's ASGI application under uvicorn, in a thread of the test process."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

import uvicorn
from pytest_django import Settings
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from realtime.server import OPTIONS

WAIT_SECONDS = 10.0


def until[T](condition: Callable[[], T], *, seconds: float = WAIT_SECONDS) -> T:
    """Wait for a condition to hold; its value. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(0.01)
    return value


class Socket:
    """A client of `/sync` that speaks frames."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.connection.close()

    def send(self, frame: dict[str, Any]) -> None:
        self.connection.send(json.dumps(frame))

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


class Server:
    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    def connect(self, path: str = "/sync", **options: Any) -> Socket:
        """Open a socket. `options` are those of `websockets`; raises InvalidStatus on a refused upgrade."""
        url = f"ws://127.0.0.1:{self.port}{path}"
        return Socket(connect(url, open_timeout=WAIT_SECONDS, close_timeout=2, max_size=None, **options))


@contextlib.contextmanager
def serve(settings: Settings) -> Iterator[Server]:
    """Serve `config.asgi.application` on a free loopback port, with the flags of `runweb`."""
    from config.asgi import application

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    running = Server(listener.getsockname()[1])
    settings.ALLOWED_ORIGINS = [*settings.ALLOWED_ORIGINS, running.url]
    config = uvicorn.Config(application, **{**OPTIONS, "timeout_graceful_shutdown": 1})
    program = uvicorn.Server(config)
    thread = threading.Thread(target=program.run, kwargs={"sockets": [listener]}, name="server")
    thread.start()
    try:
        until(lambda: program.started or not thread.is_alive())
        yield running
    finally:
        program.should_exit = True
        thread.join(timeout=WAIT_SECONDS)
        assert not thread.is_alive(), "the server did not stop"
