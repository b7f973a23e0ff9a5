"""The one error that every source raises."""

from __future__ import annotations

from typing import Literal

type Code = Literal[
    "BAD_URI",  # no source handles it, or the address is not acceptable
    "NOT_FOUND",  # no such file, or the server answered 404 or 410
    "FORBIDDEN_ADDRESS",  # the address leads into a network that links may not reach
    "UNREACHABLE",  # the name lookup, the connection or the server failed
    "TOO_SLOW",  # no answer or no data in time
    "BROKE_OFF",  # the connection was lost and the transfer could not be resumed
    "UNREADABLE",  # the file exists but may not be read, or the server refuses to send it
    "PLAYLIST",  # a playlist, which the bot reads instead (remote_lists.py), or which cannot be read
    "UNDECODABLE",  # not audio, empty, or damaged beyond use
    "ENDED_EARLY",  # the sound ended well before the length in the file's header
]


class SourceError(Exception):
    """A track cannot be read.

    `code` is stable and for programs. `detail` is a sentence that may be shown to anyone (no address inside the
    network, no token, no path). With `permanent`, trying again later is pointless.
    """

    def __init__(self, code: Code, detail: str, *, permanent: bool) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.permanent = permanent

    def __str__(self) -> str:
        return self.detail
