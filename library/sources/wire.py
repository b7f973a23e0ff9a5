"""Read HTTP/1 from a connection, as tolerantly as browsers do, but with limits."""

from __future__ import annotations

import http.client
import re
import socket
import time
from dataclasses import dataclass

MAX_HEAD_BYTES = 256 * 1024  # as in Chromium; for all heads of one response together
MAX_HEAD_LINES = 2000
# Of one header. Many parsers take time that grows with the square of the value's length.
MAX_VALUE_LENGTH = 8 * 1024
MAX_LOCATION_LENGTH = 16 * 1024  # signed addresses of content delivery networks are long
MAX_LINE_BYTES = 16 * 1024  # of a chunk size or a trailer
_RECEIVED_AT_ONCE = 64 * 1024
_STATUS = re.compile(rb"(HTTP/\d+(?:\.\d+)?|ICY)\s+(\d{3})(?:\s|$)", re.IGNORECASE)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Nonsense(Exception):
    """The data is not HTTP, or exceeds a limit."""


class Wire:
    """A buffered reader of a connection. No read goes past `deadline` (monotonic seconds), and no single wait takes
    longer than `patience` seconds. A socket's own timeout is not enough, because it restarts with each byte."""

    def __init__(self, connection: socket.socket, *, patience: float, deadline: float) -> None:
        self._connection = connection
        self._patience = patience
        self._buffer = b""
        self._at = 0
        self.deadline = deadline

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, b"" at the end. Raises OSError, including TimeoutError."""
        if self._at == len(self._buffer):
            self._receive()
        data = self._buffer[self._at : self._at + size]
        self._at += len(data)
        return data

    def line(self, limit: int) -> bytes:
        """Return the next line without its end, which may be a bare line feed. Raises Nonsense above `limit` bytes,
        ConnectionError if the connection ends first, OSError."""
        line = bytearray()
        while True:
            end = self._buffer.find(b"\n", self._at)
            line += self._buffer[self._at : end if end >= 0 else len(self._buffer)]
            if len(line) > limit:
                raise Nonsense
            if end >= 0:
                self._at = end + 1
                return bytes(line.rstrip(b"\r"))
            self._receive()
            if not self._buffer:
                raise ConnectionError

    def _receive(self) -> None:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(min(self._patience, left))
        self._buffer, self._at = self._connection.recv(_RECEIVED_AT_ONCE), 0


@dataclass(frozen=True, slots=True)
class Head:
    """`is_icy`: a SHOUTcast 1 response, whose first line is `ICY 200 OK`."""

    status: int
    headers: http.client.HTTPMessage
    is_icy: bool


def read_head(wire: Wire) -> Head:
    """Return the head of the final response, after any interim ones (`103 Early Hints`). Headers are decoded as
    Latin-1. Raises Nonsense, OSError."""
    left = MAX_HEAD_BYTES
    while True:
        first = b""
        while not first:  # some servers send an empty line first
            first = wire.line(left)
            left -= len(first) + 1
        found = _STATUS.match(first)
        if found is None:
            raise Nonsense
        lines: list[bytes] = []
        while line := wire.line(left):
            left -= len(line) + 1
            lines.append(line)
            if len(lines) > MAX_HEAD_LINES:
                raise Nonsense
        status = int(found[2])
        if status >= 200:
            return Head(status, _headers(lines), found[1].upper() == b"ICY")
        if status == 101:
            raise Nonsense


def _headers(lines: list[bytes]) -> http.client.HTTPMessage:
    """Parse header lines. Invalid lines are skipped, folded ones are unfolded, and NUL and CR become spaces. Headers
    that are too long are left out."""
    fields: list[tuple[str, str]] = []
    for line in lines:
        text = line.decode("latin-1").translate({0: " ", 13: " "})
        name, colon, value = text.partition(":")
        if text[0] in " \t" and fields:
            if len(fields[-1][1]) <= MAX_LOCATION_LENGTH:
                fields[-1] = (fields[-1][0], f"{fields[-1][1]} {text.strip()}")
        elif colon and _NAME.fullmatch(name.rstrip()):
            fields.append((name.rstrip(), value.strip()))
    headers = http.client.HTTPMessage()
    for name, value in fields:
        if len(value) <= (MAX_LOCATION_LENGTH if name.lower() == "location" else MAX_VALUE_LENGTH):
            headers[name] = value
    return headers
