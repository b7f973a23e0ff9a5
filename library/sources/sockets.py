"""The sockets of one file, which any thread can shut down."""

from __future__ import annotations

import socket
import threading


class Sockets:
    """The sockets that a thread may be waiting on: those of a connection that is being made, and the current one."""

    def __init__(self, closed: threading.Event) -> None:
        """`closed` is set once no new connection should be made."""
        self._closed = closed
        self._connecting: list[socket.socket] = []
        self.current: socket.socket | None = None

    def forget_attempts(self) -> None:
        self._connecting.clear()

    def watch(self, opened: socket.socket) -> None:
        """Note a socket before it connects. Raises ValueError once closed."""
        self._connecting.append(opened)
        self.current = opened
        if self._closed.is_set():
            raise ValueError("closed while connecting")

    def cut(self) -> None:
        """Wake a thread that waits on a socket. From any thread. This calls the plain socket's shutdown for TLS sockets
        too: their own would remove the encryption while another thread reads."""
        for opened in (*self._connecting, self.current):
            if opened is not None:
                try:
                    socket.socket.shutdown(opened, socket.SHUT_RDWR)
                except OSError:
                    pass  # no longer connected, so no thread waits

    def close(self) -> None:
        current, self.current = self.current, None
        self._connecting.clear()
        if current is not None:
            current.close()
