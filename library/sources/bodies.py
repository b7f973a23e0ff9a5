"""Read an HTTP body without its framing: lengths, chunks, compression, and a station's titles.

Each reader reads from the one below. It returns up to the requested number of bytes, b"" at the true end, and raises
ConnectionError if the body ends early. Memory use is bounded by the requested size, whatever the server sends.
"""

from __future__ import annotations

import http.client
import re
import zlib
from contextlib import suppress
from typing import Protocol

from library.sources.errors import SourceError
from library.sources.wire import MAX_LINE_BYTES, Nonsense, Wire

MAX_TRAILERS = 100
MAX_UNPACKED_BYTES = 2 * 1024**3  # three hours of CD audio
MAX_TITLES_INTERVAL = 1 << 24
_UNPACKED_AT_ONCE = 64 * 1024
_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS
_CHUNK_SIZE = re.compile(rb"\s*([0-9A-Fa-f]{1,15})\s*(?:;.*)?")  # extensions are ignored
_UNREADABLE_CODINGS = {"br", "zstd", "compress", "x-compress", "dcb", "dcz"}


class Body(Protocol):
    def read(self, size: int, /) -> bytes: ...


def open_body(wire: Wire, headers: http.client.HTTPMessage) -> tuple[Body, int | None, bool]:
    """Return `(body, length if known, countable)` for the body after this head. It is countable if ranges count its
    bytes, so not if it is decompressed, or if titles are removed from it. Raises SourceError."""
    length = content_length(headers)
    body: Body = wire
    transfer = _codings(headers, "Transfer-Encoding")
    if "chunked" in transfer:
        body, length = _Chunks(wire), None
    elif length is not None:
        body = _Counted(wire, length)
    packed = [*_codings(headers, "Content-Encoding"), *transfer]
    if _UNREADABLE_CODINGS.intersection(packed):
        raise SourceError("UNREADABLE", "The server compresses the file in an unknown way.", permanent=True)
    layers = sum(name in {"gzip", "x-gzip", "deflate"} for name in packed)
    if layers > 1:
        raise SourceError("UNREADABLE", "The server sends the file compressed twice.", permanent=True)
    if layers:
        body, length = _Unpacked(body, deflate="deflate" in packed), None
    interval = titles_interval(headers)
    if interval:
        body, length = _WithoutTitles(body, interval), None
    return body, length, not (layers or interval)


def content_length(headers: http.client.HTTPMessage) -> int | None:
    """Return the `Content-Length`, None if it is missing or contradicts itself."""
    values = {part.strip() for value in headers.get_all("Content-Length", []) for part in value.split(",")}
    value = values.pop() if len(values) == 1 else ""
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else None


def titles_interval(headers: http.client.HTTPMessage) -> int:
    """Return how many bytes of audio lie between two titles (`icy-metaint`), 0 if there are no titles."""
    value = headers.get("icy-metaint", "")
    interval = int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else 0
    return interval if interval <= MAX_TITLES_INTERVAL else 0


def _codings(headers: http.client.HTTPMessage, name: str) -> list[str]:
    return [part.strip().lower() for value in headers.get_all(name, []) for part in value.split(",")]


class _Counted:
    def __init__(self, wire: Wire, length: int) -> None:
        self._wire = wire
        self._left = length

    def read(self, size: int, /) -> bytes:
        if not self._left:
            return b""
        data = self._wire.read(min(size, self._left))
        if not data:
            raise ConnectionError
        self._left -= len(data)
        return data


class _Chunks:
    """A chunked body (RFC 9112, section 7.1)."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._left = 0
        self._begun = self._ended = False

    def read(self, size: int, /) -> bytes:
        if not self._left and not self._ended:
            self._next_chunk()
        if self._ended:
            return b""
        data = self._wire.read(min(size, self._left))
        if not data:
            raise ConnectionError
        self._left -= len(data)
        return data

    def _next_chunk(self) -> None:
        line = self._wire.line(MAX_LINE_BYTES)
        if self._begun and not line:  # the line end after the last chunk
            line = self._wire.line(MAX_LINE_BYTES)
        found = _CHUNK_SIZE.fullmatch(line)
        if found is None:
            raise Nonsense
        self._begun = True
        self._left = int(found[1], 16)
        if not self._left:
            self._ended = True
            with suppress(ConnectionError):  # the body is complete without the trailers
                self._pass_trailers()

    def _pass_trailers(self) -> None:
        for _ in range(MAX_TRAILERS):
            if not self._wire.line(MAX_LINE_BYTES):
                return


class _Unpacked:
    """Decompresses gzip, also of several members, and deflate with or without zlib's header. A body that is labeled
    as compressed but is not stays unchanged."""

    def __init__(self, packed: Body, *, deflate: bool) -> None:
        self._packed = packed
        self._deflate = deflate
        self._waiting = b""  # compressed bytes that were read but not used yet
        self._inflate: zlib._Decompress | None = None
        self._plain = False
        self._unpacked = 0

    def read(self, size: int, /) -> bytes:
        if self._inflate is None and not self._plain:
            self._begin()
        if self._plain:
            data, self._waiting = self._waiting[:size], self._waiting[size:]
            return data or self._packed.read(size)
        data = b""
        while not data and self._inflate is not None:
            data = self._unpack(self._inflate, size)
        self._unpacked += len(data)
        if self._unpacked > MAX_UNPACKED_BYTES:
            detail = "The file is larger than 2 GB when decompressed."
            raise SourceError("UNREADABLE", detail, permanent=True)
        return data

    def _begin(self) -> None:
        while len(self._waiting) < 6 and (data := self._packed.read(_UNPACKED_AT_ONCE)):
            self._waiting += data
        first = self._waiting[:2]
        framed = len(first) == 2 and first[0] & 15 == 8 and int.from_bytes(first) % 31 == 0
        if first == b"\x1f\x8b" or framed:
            self._inflate = zlib.decompressobj(_ZLIB_OR_GZIP)
        elif self._deflate and _inflates(self._waiting):
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        else:
            self._plain = True

    def _unpack(self, inflate: zlib._Decompress, size: int) -> bytes:
        try:
            data = inflate.decompress(self._waiting, size)
        except zlib.error as error:
            raise SourceError("UNDECODABLE", "The file is damaged.", permanent=True) from error
        self._waiting = inflate.unconsumed_tail
        if inflate.eof:
            self._waiting = inflate.unused_data or self._packed.read(_UNPACKED_AT_ONCE)
            more = self._waiting.startswith(b"\x1f\x8b")  # another member; anything else is padding
            self._inflate = zlib.decompressobj(_ZLIB_OR_GZIP) if more else None
            self._plain, self._waiting = not more, self._waiting if more else b""
        elif not data and not self._waiting:
            self._waiting = self._packed.read(_UNPACKED_AT_ONCE)
            if not self._waiting:
                raise ConnectionError
        return data


def _inflates(start: bytes) -> bool:
    try:
        zlib.decompressobj(-zlib.MAX_WBITS).decompress(start, 1)
    except zlib.error:
        return False
    return True


class _WithoutTitles:
    """Removes the block after each interval of audio: one byte with its length divided by 16, then the title."""

    def __init__(self, mixed: Body, interval: int) -> None:
        self._mixed = mixed
        self._interval = interval
        self._left = interval

    def read(self, size: int, /) -> bytes:
        if not self._left:
            count = self._mixed.read(1)
            left = 16 * count[0] if count else 0
            while left:
                block = self._mixed.read(left)
                if not block:
                    return b""
                left -= len(block)
            self._left = self._interval
        data = self._mixed.read(min(size, self._left))
        self._left -= len(data)
        return data
