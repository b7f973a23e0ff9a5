"""uvicorn's HTTP protocol with a limit on how long a client may take to send a request.

uvicorn waits forever, so a client that sends a byte now and then could keep a connection as long as it likes.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

HEAD_BYTES = 65_536
# From the connection, or from the end of the previous response. Between requests uvicorn's keep-alive ends earlier.
HEAD_SECONDS = 15.0
BODY_SECONDS = 60.0  # from the end of the head; a body that is sent after the response counts as well


class BoundedProtocol(H11Protocol):
    """Closes a connection whose request takes too long, and answers a head that is too large with status 431."""

    _deadline: asyncio.TimerHandle | None = None
    _awaited: object = None  # the h11 state that the deadline is for

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._watch()

    def _watch(self) -> None:
        """Set a deadline while the client owes us a head or a body, and none while we owe a response."""
        state = self.conn.their_state
        if self not in self.connections:  # upgraded to a WebSocket, or closed
            self._await(None, 0)
        elif state is h11.IDLE:
            self._await(state, HEAD_SECONDS)
        elif state is h11.SEND_BODY:
            self._await(state, BODY_SECONDS)
        else:
            self._await(None, 0)

    def _await(self, state: object, seconds: float) -> None:
        if state is self._awaited:
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._awaited = state
        self._deadline = None if state is None else self.loop.call_later(seconds, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """Answer with the status of h11's error, which uvicorn is handling when it calls this."""
        error = sys.exception()
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        headers = [("content-type", "text/plain; charset=utf-8"), ("connection", "close")]
        reason = STATUS_PHRASES[status]
        with contextlib.suppress(h11.LocalProtocolError):  # the response has begun already
            for event in (
                h11.Response(status_code=status, headers=headers, reason=reason),
                h11.Data(data=msg.encode()),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event))
        self.transport.close()
