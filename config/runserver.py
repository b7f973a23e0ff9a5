"""daphne, which gives `runserver` its sockets, with our order of questions (realtime/upgrade.py)."""

from __future__ import annotations

from daphne import http_protocol
from daphne.apps import DaphneConfig

from realtime.upgrade import handshake_fault


class AskFirstRequest(http_protocol.WebRequest):  # type: ignore[misc]  # daphne ships no types
    """A request that is no handshake stays HTTP and reaches the application."""

    def process(self) -> object:
        headers = self.requestHeaders
        scope = {
            "method": self.method.decode("ascii", "replace"),
            "http_version": self.clientproto.rpartition(b"/")[2].decode("ascii", "replace"),
            "headers": [
                (name.lower(), value) for name, values in headers.getAllRawHeaders() for value in values
            ],
        }
        if headers.getRawHeaders(b"Upgrade") == [b"websocket"] and handshake_fault(scope, self.uri):
            headers.setRawHeaders(b"Upgrade", [b"websocket,"])  # the same list, and not what daphne looks for
        return super().process()


class RunserverConfig(DaphneConfig):  # type: ignore[misc]  # as above
    def ready(self) -> None:
        super().ready()
        http_protocol.WebRequest = AskFirstRequest
