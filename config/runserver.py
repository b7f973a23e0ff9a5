"""daphne, which adds WebSockets to `runserver`, with the checks of realtime/upgrade.py."""

from __future__ import annotations

from daphne import http_protocol
from daphne.apps import DaphneConfig

from realtime.upgrade import handshake_fault


class AskFirstRequest(http_protocol.WebRequest):
    """Passes a request that is not a valid handshake to the application as HTTP."""

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
            # This header names the same protocol, but daphne does not recognize it.
            headers.setRawHeaders(b"Upgrade", [b"websocket,"])
        return super().process()


class RunserverConfig(DaphneConfig):
    def ready(self) -> None:
        super().ready()
        http_protocol.WebRequest = AskFirstRequest
