"""Invalid WebSocket handshakes: report a missing or bad credential before the fault of the handshake.

A server checks the handshake before it calls the application, and answers by itself. So a client without a required
header learned of that first, and only then that its token is bad. A request with too many or too long headers, or with
a body, got no answer at all. With this module such a request stays HTTP and reaches the application.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple, cast

from django.utils.translation import gettext as _
from websockets.exceptions import HeaderLineTooLong, RequestLineTooLong, TooManyHeaders
from websockets.http11 import Request
from websockets.server import ServerProtocol

from realtime.asgi import Application, Receive, Scope, Send
from realtime.http_bounds import BoundedProtocol

FAULT = "backline.handshake_fault"  # key of an HTTP scope: the Fault found when the request came

# At DEBUG level the library would log each header, including cookies and tokens.
_SILENT = logging.Logger("handshake", logging.CRITICAL)


class Fault(NamedTuple):
    status: int
    sentence: str
    headers: list[tuple[bytes, bytes]]


def handshake_fault(scope: Scope, target: bytes = b"/") -> Fault | None:
    """Return why `websockets` would refuse this HTTP request as a handshake (RFC 6455 §4.2), None if it would not.

    `target` is the target of the request line. It counts, because the length of that line is limited.
    """
    protocol = ServerProtocol(logger=_SILENT)
    lines = [f"{scope['method']} ".encode(), target, f" HTTP/{scope['http_version']}\r\n".encode()]
    for name, value in scope["headers"]:
        lines += [name, b": ", value, b"\r\n"]
    protocol.receive_data(b"".join([*lines, b"\r\n"]))
    request = next(iter(protocol.events_received()), None)
    if not isinstance(request, Request):
        return Fault(*_unreadable(protocol.handshake_exc), [])
    response = protocol.accept(request)
    if response.status_code == 101:
        return None
    sentence = bytes(response.body).decode().partition("\n")[0]
    headers = [
        (name.lower().encode(), value.encode())
        for name, value in response.headers.raw_items()
        if name.lower() in {"allow", "upgrade"}
    ]
    return Fault(response.status_code, sentence, [*headers, (b"sec-websocket-version", b"13")])


def _unreadable(error: Exception | None) -> tuple[int, str]:
    if isinstance(error, RequestLineTooLong):
        return 414, _("The request line is too long (limit 8 kB).")
    if isinstance(error, HeaderLineTooLong | TooManyHeaders):
        return 431, _("There are too many headers (limit 128), or one is too long (limit 8 kB).")
    cause = error.__cause__ if error is not None else None
    return 400, _("Not a valid WebSocket handshake: %(reason)s.") % {"reason": cause or error}


class AskFirstProtocol(BoundedProtocol):
    """uvicorn's HTTP protocol, which upgrades a connection only if the handshake will succeed."""

    def _should_upgrade(self) -> bool:
        if self._get_upgrade() != b"websocket":
            return bool(super()._should_upgrade())
        scope: Scope = cast(Scope, self.scope)
        target = scope["raw_path"] + b"?" + scope["query_string"]
        scope[FAULT] = handshake_fault(scope, target)
        return scope[FAULT] is None


def refusing_upgrades(http: Application, refusers: Mapping[str, Application]) -> Application:
    """Return an HTTP application in which `refusers` answer HTTP requests to the paths of sockets."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await refusers.get(scope["path"], http)(scope, receive, send)

    return application
