"""uvicorn as we run it, alone or beside others on one loop."""

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

from realtime.http_bounds import HEAD_BYTES

# A peer that reads nothing for so long is cut off: neither a close frame nor a ping's timeout gets past what
# waits in the socket (measured: a stalled reader stayed until it chose to go).
UNREAD_SECONDS = 30.0
# The kernel would take megabytes for a peer that reads nothing, and we would learn late that it does not.
SEND_BUFFER = 256 * 1024
GRACEFUL_SECONDS = 2  # SIGTERM to exit takes at most five, the bot's good-bye included

OPTIONS: dict[str, Any] = {
    # uvicorn's h11, with bounds; a request that is no handshake is the application's to answer.
    "http": "realtime.upgrade:AskFirstProtocol",
    "h11_max_incomplete_event_size": HEAD_BYTES,
    # uvicorn's `websockets-sansio`, the only server measured that both holds a sender back and tells it of a
    # dead peer, with a faster way for what many sockets get.
    "ws": "realtime.preframed:PreframedProtocol",
    # Compression per connection makes a 50 kB frame 49 times dearer.
    "ws_per_message_deflate": False,
    # Well above what frames.py lets pass: it refuses with a reason, uvicorn only breaks off.
    "ws_max_size": 4_000_000,
    "lifespan": "off",
    "log_config": None,
    "access_log": False,  # its lines hold query strings
    "server_header": False,
    "timeout_graceful_shutdown": GRACEFUL_SECONDS,
}


def end_with_supervisor() -> None:
    """In a worker of uvicorn's: stop as on SIGTERM once its supervisor is gone, however that died.

    It would hold the port for ever, and nobody would start it anew.
    """
    if supervisor := multiprocessing.parent_process():

        def wait() -> None:
            supervisor.join()
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=wait, name="supervisor", daemon=True).start()


class EmbeddedServer(uvicorn.Server):
    """A server among others: the signals belong to whoever started them all."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(app: Any, *, host: str, port: int) -> AsyncIterator[EmbeddedServer]:
    """Listen while inside. Raises OSError when the port is taken."""
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
    """Return a bound socket; what it accepts inherits its options. Raises OSError when the port is taken."""
    # uvicorn would print that a port is taken and end the process; here somebody else decides.
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
