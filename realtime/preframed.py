"""uvicorn's WebSocket protocol, a way past it for frames that many sockets share, and a bound on what it takes.

`websocket.send` frames each message for each socket again and awaits. Delivering one takes 42 µs of CPU with this class
and 57 without, of which a bare write is 8 (`bench.fanout --sockets 300`, appending and reading the event included). A
server without this class does as well, only slower.

Pings and pieces of messages never reach the application and its limits. Unbounded, a client that reads no pongs
made the process keep 9 MB of them a second, and 4 MB in pieces of a byte stopped everybody for nine seconds.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

from realtime.limits import Bucket

EXTENSION = "backline.write_frame"
WRITABLE = "backline.writable"
LISTEN = "backline.listen"

# A client pings every few seconds. Browsers send what is large in pieces, though not in small ones but the last.
LOOSE_RATE, LOOSE_BURST = 200.0, 1000.0
PIECE_BYTES = 4_096
READ_BYTES = 16_384  # parsed at a stretch: a few milliseconds, however small the frames in it are

WriteFrame = Callable[[bytes], bool]
UntilWritable = Callable[[], Awaitable[object]]
Hear = Callable[[bytes], bool]


def text_frame(payload: bytes) -> bytes:
    """Return a whole text message as it goes over the wire (RFC 6455 §5.2): final, unmasked, uncompressed."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


def frame_writer(scope: dict[str, Any]) -> WriteFrame | None:
    """Return what writes a ready frame to this socket, null where the server knows nothing of it."""
    return cast(WriteFrame | None, scope.get("extensions", {}).get(EXTENSION))


def until_writable(scope: dict[str, Any]) -> UntilWritable | None:
    """Return what waits until `frame_writer` writes again or the peer is gone; null like that one."""
    return cast(UntilWritable | None, scope.get("extensions", {}).get(WRITABLE))


def listen(scope: dict[str, Any], hear: Hear) -> None:
    """Have `hear` get each whole text message first, as bytes. What it returns false for comes by `receive` as always.

    It is called by the transport, so it neither waits nor raises, and may overtake what waits to be received.
    A server that knows nothing of it brings everything by `receive`.

    An acknowledgement takes 12 µs of CPU this way and 24 by `receive`, where sending a frame takes 75 to 110
    (`bench.streams --only relay`, credit 1: 94 and 122 µs a frame in one run, 134 and 156 in a slower one).
    """
    if (offered := scope.get("extensions", {}).get(LISTEN)) is not None:
        offered(hear)


class PreframedProtocol(WebSocketsSansIOProtocol):
    """Offers `write_frame` to the application as an extension in the scope. Closes floods of loose frames with 4429."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._loose = Bucket(LOOSE_RATE, LOOSE_BURST)
        self._hear: Hear | None = None

    def data_received(self, data: bytes) -> None:
        if self.handshake_initiated and not self.handshake_complete and not self.transport.is_closing():
            self.transport.abort()  # a client waits for the answer before it sends more (RFC 6455 §4.1)
            return
        for start in range(0, len(data), READ_BYTES):
            super().data_received(data[start : start + READ_BYTES])
            if self.transport.is_closing():
                return

    def handle_ping(self) -> None:
        if self._may_come():
            super().handle_ping()

    def handle_pong(self, event: Frame) -> None:
        if self._may_come():
            super().handle_pong(event)

    def handle_cont(self, event: Frame) -> None:
        if event.fin or len(event.data) >= PIECE_BYTES or self._may_come():
            super().handle_cont(event)

    def _may_come(self) -> bool:
        """Count a frame that is no whole message. Closes the connection when there are too many."""
        if self.transport.is_closing():
            return False
        if not self._loose.missing(1, now=time.monotonic()):
            self._loose.take(1)
            return True
        if not self.close_sent:
            self.conn.send_close(4429)
            self.handle_parser_exception()  # as uvicorn does for other breaches of the protocol
        return False

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent and not self.conn.extensions:  # a compressed connection has frames of its own
            extensions: dict[str, Any] = cast(dict[str, Any], self.scope["extensions"])
            extensions[EXTENSION] = self.write_frame  # the application's task begins after this
            extensions[WRITABLE] = self.writable.wait
            extensions[LISTEN] = self._listen

    def _listen(self, hear: Hear) -> None:
        self._hear = hear

    def handle_text(self, event: Frame) -> None:
        if self._hear is None or not event.fin or self.close_sent or not self._hear(bytes(event.data)):
            super().handle_text(event)

    def write_frame(self, frame: bytes) -> bool:
        """Write a whole message now, or return that the socket takes nothing now. Never waits."""
        if not self.writable.is_set() or self.close_sent or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True
