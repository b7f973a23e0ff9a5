"""uvicorn's WebSocket protocol, and a way past it for frames that many sockets share.

`websocket.send` frames each message for each socket anew and awaits; measured, that is about half of what it
costs to deliver one. A server without this class does as well, only slower.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

EXTENSION = "backline.write_frame"
WRITABLE = "backline.writable"

WriteFrame = Callable[[bytes], bool]
UntilWritable = Callable[[], Awaitable[object]]


def text_frame(payload: bytes) -> bytes:
    """Return a whole text message as it goes over the wire (RFC 6455 §5.2): final, unmasked, uncompressed."""
    return Frame(Opcode.TEXT, payload).serialize(mask=False)


def frame_writer(scope: dict[str, Any]) -> WriteFrame | None:
    """Return what writes a ready frame to this socket, null where the server knows nothing of it."""
    return cast(WriteFrame | None, scope.get("extensions", {}).get(EXTENSION))


def until_writable(scope: dict[str, Any]) -> UntilWritable | None:
    """Return what waits until `frame_writer` writes again or the peer is gone; null like that one."""
    return cast(UntilWritable | None, scope.get("extensions", {}).get(WRITABLE))


class PreframedProtocol(WebSocketsSansIOProtocol):
    """Offers `write_frame` to the application as an extension in the scope."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent and not self.conn.extensions:  # a compressed connection has frames of its own
            extensions: dict[str, Any] = cast(dict[str, Any], self.scope["extensions"])
            extensions[EXTENSION] = self.write_frame  # the application's task begins after this
            extensions[WRITABLE] = self.writable.wait

    def write_frame(self, frame: bytes) -> bool:
        """Write a whole message now, or return that the socket takes nothing now. Never waits."""
        if not self.writable.is_set() or self.close_sent or self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True
