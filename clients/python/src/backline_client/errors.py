"""The errors that this package raises. A failure that a new connection can fix is retried instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BacklineError(Exception):
    """Base of all errors of this package."""


class Refused(BacklineError):
    """The server refused the request, and a retry would not help.

    `code` is one of the codes in docs/protocol.md and docs/authentication.md, `detail` is a sentence, and `data`
    has the other fields of the response (such as `head` with `SERVER_AHEAD`).
    """

    def __init__(self, code: str, detail: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.data = dict(data or {})

    def __str__(self) -> str:
        return f"{self.detail} ({self.code})"


class PositionLost(Refused):
    """The log cannot be continued from this position: it was replaced (`EPOCH_MISMATCH`) or pruned
    (`CURSOR_TOO_OLD`).

    Load a snapshot, or start without a position.
    """


class TooLarge(Refused):
    """The message was not sent, because it is so large that the server would close the connection."""


class ConnectionLost(BacklineError):
    """The connection was lost or closed before the response, and the request will not be repeated."""


class Unreachable(BacklineError):
    """There is no connection. The package handles this error itself. `retry_after` is from the server, in seconds."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


_POSITION = {"EPOCH_MISMATCH", "CURSOR_TOO_OLD"}
_KNOWN_FIELDS = {"type", "id", "code", "detail", "message"}


def refusal(frame: Mapping[str, Any]) -> Refused:
    """Return the error for an `error` frame or a JSON error body."""
    code = str(frame.get("code", "REFUSED"))
    detail = str(frame.get("message") or frame.get("detail") or "The server refused the request.")
    kind = PositionLost if code in _POSITION else Refused
    return kind(code, detail, {key: value for key, value in frame.items() if key not in _KNOWN_FIELDS})
