"""Reading what an HTTP server answers: status, headers, and names for what it sends."""

from __future__ import annotations

import http.client
import io
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import unquote

import httpx

from queue_app.sources.errors import SourceError
from queue_app.sources.probe import clean

_PLAYLIST_TYPES = ("mpegurl", "x-scpls", "pls+xml", "xspf", "dash+xml", "ms-asf", "x-ms-wax")


class Response(http.client.HTTPResponse):
    """Also understands SHOUTcast 1, whose first line says `ICY 200 OK`."""

    def begin(self) -> None:
        if self.fp.peek(3)[:3] == b"ICY":
            self.fp.read(3)
            self.fp = io.BufferedReader(_Prefixed(b"HTTP/1.0", self.fp))
        super().begin()


class _Prefixed(io.RawIOBase):
    def __init__(self, prefix: bytes, rest: io.BufferedReader) -> None:
        self._prefix = prefix
        self._rest = rest

    def readable(self) -> Literal[True]:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        data = self._prefix[: len(buffer)] or self._rest.read1(len(buffer))
        self._prefix = self._prefix[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._rest.close()
        super().close()


def refusal(status: int) -> SourceError:
    said = f"The station answered {status}."
    if status in {404, 410}:
        return SourceError("NOT_FOUND", said, permanent=True)
    if status == 416:
        return SourceError("UNDECODABLE", "The file behind the link is empty.", permanent=True)
    if status == 429 or status >= 500:
        return SourceError("UNREACHABLE", said, permanent=False)
    return SourceError("UNREADABLE", said, permanent=True)


def refuse_other_content(headers: http.client.HTTPMessage) -> None:
    kind = headers.get_content_type() if "Content-Type" in headers else ""
    if kind in {"text/html", "application/xhtml+xml"}:
        raise SourceError("UNDECODABLE", "The link leads to a web page, not to audio.", permanent=True)
    if any(name in kind for name in _PLAYLIST_TYPES):
        raise SourceError("PLAYLIST", "The link leads to a playlist, not to audio.", permanent=True)
    if headers.get("Content-Encoding", "identity").lower() != "identity":
        raise SourceError("UNREADABLE", "The server sends the file compressed.", permanent=True)


def content_range(headers: http.client.HTTPMessage) -> tuple[int | None, int | None]:
    """First byte and full length of `Content-Range: bytes 0-9/100` (RFC 9110, section 14.4)."""
    unit, _, value = headers.get("Content-Range", "").partition(" ")
    span, _, total = value.partition("/")
    start = span.partition("-")[0]
    if unit.lower() != "bytes" or not start.isdecimal():
        return None, None
    return int(start), int(total) if total.isdecimal() else None


def icy_title(headers: http.client.HTTPMessage) -> str | None:
    name = headers.get("icy-name", "")
    with suppress(UnicodeError):
        name = name.encode("latin-1").decode("utf-8")  # http.client reads headers as Latin-1
    return clean(name)


def file_title(name: str | None) -> str | None:
    if not name:
        return None
    path = PurePosixPath(name.replace("\\", "/"))
    return clean((path.stem if 2 <= len(path.suffix) <= 5 else path.name).replace("_", " "))


def path_title(url: httpx.URL) -> str:
    path = unquote(url.raw_path.decode("ascii").partition("?")[0], errors="replace")
    return file_title(path.rstrip("/")) or clean(url.host) or "Untitled"
