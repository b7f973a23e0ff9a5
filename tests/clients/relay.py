"""A network between browser and server that can be cut."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

CHUNK = 65_536


class Relay:
    """Forwards TCP connections to a server on this host, and counts those that carry `/sync`.

    It runs in threads. Its switches may be set from any other thread.
    """

    def __init__(self) -> None:
        self.target = 0  # the server's port
        self.up = True
        self.mute = False  # drop the server's messages on `/sync`
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[_Pair] = set()
        self._thread = threading.Thread(target=self._accept, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # `close` alone does not wake `accept`
        self._listener.close()
        self._thread.join(timeout=10)
        self.cut()

    def cut(self) -> None:
        """Close every connection. `up` decides about new ones."""
        with self._lock:
            pairs = list(self._open)
        for pair in pairs:
            pair.end()

    def take_away(self) -> None:
        self.up = False
        self.cut()

    def give_back(self) -> None:
        self.mute = False
        self.up = True

    @property
    def sockets(self) -> int:
        """The number of open WebSockets to `/sync`."""
        with self._lock:
            return sum(pair.is_sync for pair in self._open)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self.up:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            pair = _Pair(self, client, server)
            with self._lock:
                self._open.add(pair)
            pair.start()

    def forget(self, pair: _Pair) -> None:
        with self._lock:
            self._open.discard(pair)


class _Pair:
    """One connection, forwarded in both directions."""

    def __init__(self, relay: Relay, client: socket.socket, server: socket.socket) -> None:
        self._relay, self._client, self._server = relay, client, server
        self.is_sync = False

    def start(self) -> None:
        threading.Thread(target=self._upwards, name="relay up", daemon=True).start()
        threading.Thread(target=self._downwards, name="relay down", daemon=True).start()

    def _upwards(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._client.recv(CHUNK):
                if data.startswith(b"GET /sync "):
                    self.is_sync = True
                self._server.sendall(data)
        self.end()

    def _downwards(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._server.recv(CHUNK):
                if not (self.is_sync and self._relay.mute):
                    self._client.sendall(data)
        self.end()

    def end(self) -> None:
        self._relay.forget(self)
        for end in (self._client, self._server):
            with contextlib.suppress(OSError):  # already gone
                end.shutdown(socket.SHUT_RDWR)
            end.close()
