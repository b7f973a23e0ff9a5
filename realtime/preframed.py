"""uvicorn's WebSocket protocol, with a fast path for frames that many sockets share and a limit on loose frames.

`websocket.send` frames each message again for each socket, and awaits. Delivering a message takes 42 µs of CPU with
this class and 57 µs without (`bench.fanout --sockets 300`, including appending and reading the event). The bare write
takes 8 µs of these. The application also works on a server without this class, only slower.

Loose frames (pings and fragments of messages) never reach the application and its limits. Without a limit, a client
that read no pongs made the process buffer 9 MB of them per second, and 4 MB in one-byte fragments blocked everybody
for nine seconds.
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

# A client pings every few seconds. Browsers fragment large messages, but only the last fragment is small.
LOOSE_RATE, LOOSE_BURST = 200.0, 1000.0
PIECE_BYTES = 4_096
READ_BYTES = 16_384  # parsed without a pause: takes a few milliseconds, however small the frames are

WriteFrame = Callable[[bytes], bool]
UntilWritable = Callable[[], Awaitable[object]]
Hear = Callable[[bytes], bool]


def text_frame(payload: bytes) -> bytes:
    """Return a whole text message as one frame (RFC 6455 §5.2): final, unmasked, uncompressed."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


def frame_writer(scope: dict[str, Any]) -> WriteFrame | None:
    """Return the function that writes a ready frame to this socket, None if the server does not support it."""
    return cast(WriteFrame | None, scope.get("extensions", {}).get(EXTENSION))


def until_writable(scope: dict[str, Any]) -> UntilWritable | None:
    """Return what waits until `frame_writer` can write again or the peer is gone, None if unsupported."""
    return cast(UntilWritable | None, scope.get("extensions", {}).get(WRITABLE))


def listen(scope: dict[str, Any], hear: Hear) -> None:
    """Pass each whole text message to `hear` first, as bytes. If it returns False, the message goes to `receive`.

    The transport calls `hear`, so it must neither wait nor raise, and it may overtake messages queued for `receive`.
    On a server that does not support this, all messages go to `receive`.

    An acknowledgement takes 12 µs of CPU this way and 24 µs through `receive`; sending a frame takes 75 to 110 µs
    (`bench.streams --only relay`, credit 1: 94 and 122 µs per frame in one run, 134 and 156 µs in a slower one).
    """
    if (offered := scope.get("extensions", {}).get(LISTEN)) is not None:
        offered(hear)


class PreframedProtocol(WebSocketsSansIOProtocol):
    """Offers `write_frame` to the application as an ASGI extension. Closes with 4429 on a flood of loose frames."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # as of uvicorn's
        super().__init__(*args, **kwargs)
        self._loose = Bucket(LOOSE_RATE, LOOSE_BURST)
        self._hear: Hear | None = None

    def data_received(self, data: bytes) -> None:
        if self.handshake_initiated and not self.handshake_complete and not self.transport.is_closing():
            self.transport.abort()  # a client must wait for the answer before it sends more (RFC 6455 §4.1)
            return
        for start in range(0, len(data), READ_BYTES):
            super().data_received(data[start : start + READ_BYTES])
            if self.transport.is_closing():
                return

    def shutdown(self) -> None:
        """Close because the server stops. A connection that is closing already must not get a second close frame.

        uvicorn would raise InvalidState for it, log that, and leave the other connections open.
        """
        if self.transport.is_closing():
            self.stop_keepalive()
        else:
            super().shutdown()

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
        """Count a loose frame and return whether to handle it. Closes the connection when there are too many."""
        if self.transport.is_closing():
            return False
        if not self._loose.missing(1, now=time.monotonic()):
            self._loose.take(1)
            return True
        if not self.close_sent:
            self.conn.send_close(4429)
            self.handle_parser_exception()  # as uvicorn does for other protocol errors
        return False

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent and not self.conn.extensions:  # a compressed connection cannot share frames
            extensions: dict[str, Any] = cast(dict[str, Any], self.scope["extensions"])
            extensions[EXTENSION] = self.write_frame  # in time: the application's task starts after this
            extensions[WRITABLE] = self.writable.wait
            extensions[LISTEN] = self._listen

    def _listen(self, hear: Hear) -> None:
        self._hear = hear

    def handle_text(self, event: Frame) -> None:
        if self._hear is None or not event.fin or self.close_sent or not self._hear(bytes(event.data)):
            super().handle_text(event)

    def write_frame(self, frame: bytes) -> bool:
        """Write a ready frame now and return True, or return False if the socket accepts nothing now. Never waits."""
        if not self.writable.is_set() or self.close_sent or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True
