"""uvicorn's WebSocket protocol, a way past it for frames that many sockets share, and a bound on what it takes.

`websocket.send` frames each message for each socket anew and awaits; measured, that is about half of what it
costs to deliver one. A server without this class does as well, only slower.

Pings and pieces of messages never reach the application and its limits. Unbounded, a client that reads no pongs
made the process keep 9 MB of them a second, and 4 MB in pieces of a byte stopped everybody for nine seconds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.utils import apply_mask

from realtime.limits import Bucket

EXTENSION = "backline.write_frame"
WRITABLE = "backline.writable"
LISTEN = "backline.listen"

# A client pings every few seconds. Browsers send what is large in pieces, though not in small ones but the last.
LOOSE_RATE, LOOSE_BURST = 200.0, 1000.0
PIECE_BYTES = 4_096
LENGTH_BYTES = {126: 2, 127: 8}
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
    """
    if (offered := scope.get("extensions", {}).get(LISTEN)) is not None:
        offered(hear)


class Boundaries:
    """Where frames begin in the bytes of a client (RFC 6455 §5.2), for who would take one before it is parsed."""

    __slots__ = ("_in_pieces", "_rest")

    def __init__(self) -> None:
        self._rest: float = 0  # bytes of the frame that has begun; infinite once nobody knows
        self._in_pieces = False

    @property
    def between_messages(self) -> bool:
        return not self._rest and not self._in_pieces

    def lose(self) -> None:
        self._rest = math.inf

    def pass_over(self, data: bytes) -> None:
        """Take note of bytes. A header that is cut where its length stands is not followed: that is rare."""
        at, size = self._rest, len(data)
        while at < size:
            at = int(at)
            first, second = data[at], data[at + 1] if at + 1 < size else 127
            extra = LENGTH_BYTES.get(second & 0x7F, 0)
            if at + 2 + extra > size:
                self.lose()
                return
            length = int.from_bytes(data[at + 2 : at + 2 + extra]) if extra else second & 0x7F
            if not first & 0x08:  # control frames may come between pieces
                self._in_pieces = not first & 0x80
            at += 2 + extra + (4 if second & 0x80 else 0) + length
        self._rest = at - size


def short_text(data: bytes) -> bytes | None:
    """Return the payload of a whole, masked text message of up to 125 bytes; null for all else."""
    if len(data) < 6 or data[0] != 0x81 or data[1] != len(data) - 6 + 0x80 or data[1] > 0xFD:
        return None
    return apply_mask(data[6:], data[2:6])


class PreframedProtocol(WebSocketsSansIOProtocol):
    """Offers `write_frame` to the application as an extension in the scope. Closes floods of loose frames with 4429."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._loose = Bucket(LOOSE_RATE, LOOSE_BURST)
        self._hear: Hear | None = None
        self._boundaries = Boundaries()

    def data_received(self, data: bytes) -> None:
        if self.handshake_initiated and not self.handshake_complete and not self.transport.is_closing():
            self.transport.abort()  # a client waits for the answer before it sends more (RFC 6455 §4.1)
            return
        opened = self.handshake_complete
        if opened:
            if self._hear is not None and self._boundaries.between_messages and not self.close_sent:
                # Parsing costs several times what is done about an acknowledgement, and most of what comes is that.
                text = short_text(data)
                if text is not None and self._hear(text):
                    return
        elif not data.endswith(b"\r\n\r\n"):
            self._boundaries.lose()  # there may be frames behind the request
        for start in range(0, len(data), READ_BYTES):
            super().data_received(data[start : start + READ_BYTES])
            if self.transport.is_closing():
                return
        if opened:
            self._boundaries.pass_over(data)

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
