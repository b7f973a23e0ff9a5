"""What can go wrong. Whatever a new connection mends is mended and never raised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BacklineError(Exception):
    """Base of all errors of this package."""


class Refused(BacklineError):
    """The server said no, and asking again would not change that.

    `code` is one of the codes in docs/protocol.md and docs/authentication.md, `detail` a sentence, `data` the
    other fields of the answer (`head` of `SERVER_AHEAD`, for instance).
    """

    def __init__(self, code: str, detail: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.data = dict(data or {})

    def __str__(self) -> str:
        return f"{self.detail} ({self.code})"


class PositionLost(Refused):
    """The log cannot be continued from there: it was replaced (`EPOCH_MISMATCH`) or pruned (`CURSOR_TOO_OLD`).

    Take a snapshot, or begin without a position.
    """


class TooLarge(Refused):
    """Not sent, because the server would close the connection over it."""


class ConnectionLost(BacklineError):
    """The connection went away before the answer came, and the caller wanted no second attempt."""


class Unreachable(BacklineError):
    """No connection now. Handled inside; `retry_after` is what the server asked for, in seconds."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


_POSITION = {"EPOCH_MISMATCH", "CURSOR_TOO_OLD"}
_SAID = {"type", "id", "code", "detail", "message"}


def refusal(frame: Mapping[str, Any]) -> Refused:
    """Return the error that an `error` frame or a JSON error body stands for."""
    code = str(frame.get("code", "REFUSED"))
    detail = str(frame.get("message") or frame.get("detail") or "The server refused.")
    kind = PositionLost if code in _POSITION else Refused
    return kind(code, detail, {key: value for key, value in frame.items() if key not in _SAID})
