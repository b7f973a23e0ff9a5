"""uvicorn as we run it, alone or beside other servers on one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import uvicorn

from realtime.asgi import Application
from realtime.http_bounds import HEAD_BYTES

# The kernel disconnects a peer that reads nothing for so long. A close frame or a ping cannot get past the data that
# is queued in the socket (measured: a stalled reader stayed connected as long as it wanted).
UNREAD_SECONDS = 30.0
# By default the kernel buffers megabytes for a peer that reads nothing, and we would notice late.
SEND_BUFFER = 256 * 1024
GRACEFUL_SECONDS = 2  # exit takes at most five seconds from SIGTERM, including the bot's disconnect

OPTIONS: dict[str, Any] = {
    # uvicorn's h11 with limits. The application answers requests that are not a handshake.
    "http": "realtime.upgrade:AskFirstProtocol",
    "h11_max_incomplete_event_size": HEAD_BYTES,
    # uvicorn's `websockets-sansio` with a fast path for shared frames. Of the servers measured, only this one both
    # holds a sender back and reports a dead peer to it.
    "ws": "realtime.preframed:PreframedProtocol",
    # Compression per connection makes a 50 kB frame 49 times as expensive.
    "ws_per_message_deflate": False,
    # Well above the limit in frames.py, which refuses with a reason. uvicorn only disconnects.
    "ws_max_size": 4_000_000,
    "lifespan": "off",
    "log_config": None,
    "access_log": False,  # its lines would contain query strings
    "server_header": False,
    "timeout_graceful_shutdown": GRACEFUL_SECONDS,
}


def end_with_supervisor() -> None:
    """In a uvicorn worker: stop as on SIGTERM once the supervisor is gone, however it died.

    Otherwise the worker would keep the port forever, with nobody to restart it.
    """
    if supervisor := multiprocessing.parent_process():

        def wait() -> None:
            supervisor.join()
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=wait, name="supervisor", daemon=True).start()


class EmbeddedServer(uvicorn.Server):
    """A server among others. It leaves signals to the code that started them all."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(app: Application, *, host: str, port: int) -> AsyncIterator[EmbeddedServer]:
    """Serve inside the `async with` block. Raises OSError when the port is taken."""
    with contextlib.closing(bind(host, port)) as listener:
        server = EmbeddedServer(uvicorn.Config(app, **OPTIONS))
        task = asyncio.create_task(server.serve(sockets=[listener]), name=f"server {port}")
        while not server.started:
            if task.done():
                await task
            await asyncio.sleep(0.005)
        try:
            yield server
        finally:
            server.should_exit = True
            await task


def bind(host: str, port: int) -> socket.socket:
    """Return a bound socket. Accepted sockets inherit its options. Raises OSError when the port is taken."""
    # uvicorn would print the error and exit the process. Here the caller decides.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNREAD_SECONDS * 1000))
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"Port {port} of {host}: {error.strerror}") from error
    return listener
