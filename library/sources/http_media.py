"""The audio of a link, as a file that FFmpeg can read and seek in.

Blocking, for worker threads. Every connection is made by `addresses.connect`, also for redirects.
"""

from __future__ import annotations

import io
import math
import os
import ssl
import threading
import time

import httpx

from library.sources.deadline import Deadline
from library.sources.errors import SourceError
from library.sources.exchange import Exchange, Response
from library.sources.pace import Pace
from library.sources.requests import Requests
from library.sources.responses import (
    content_range,
    header_title,
    icy_title,
    is_multipart,
    is_station,
    needs_seeking,
    path_title,
    refusal,
    refuse_other_content,
    true_length,
)
from library.sources.sockets import Sockets
from library.sources.types import Networks
from library.sources.wire import Nonsense

READ_SECONDS = 12.0  # without a single byte
OPEN_SECONDS = 40.0  # until the file is open, in total
# Waits before each new attempt after a lost connection. The list starts again after GOOD_STRETCH_BYTES.
RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0, 4.0)
GOOD_STRETCH_BYTES = 64 * 1024
# Skipping a short gap by reading is cheaper than a new connection.
READ_OVER_BYTES = 128 * 1024
READ_OVER_SECONDS = 30.0
SURPLUS_SECONDS = 0.2  # for a server to close the connection after the file, as we asked it to
# The largest file that is read again from its beginning to reach a position, and how many bytes of that in total.
REREAD_BYTES = 64 * 1024**2
REREADS_BYTES = 4 * REREAD_BYTES
_BEGINNING_BYTES = 64

# A server that answers with one of these may have objected only to the range.
_NOT_LIKE_THIS = {400, 403, 405, 406, 412, 416, 417, 500, 501}


class HttpMedia:
    """A readable file over HTTP, seekable if the server supports ranges.

    After a lost connection it resumes at the same byte, checked by `Content-Range` and `If-Range`. If the server does
    not support ranges, a file with a version (`ETag` or `Last-Modified`) is read again up to that byte. Without a
    version it raises `BROKE_OFF`, so nobody hears the beginning again. A station has no position, so it only
    reconnects.

    One thread reads. `close` may be called from any thread, interrupts a blocked read at once, and is idempotent.
    """

    def __init__(self, url: httpx.URL, *, allow_private: Networks) -> None:
        """Connects and reads the headers. Raises SourceError."""
        self.url = url
        self._open_until = time.monotonic() + OPEN_SECONDS
        self._closed = threading.Event()
        self._reading = threading.Lock()
        self._sockets = Sockets(self._closed)
        exchange = Exchange(allow_private=allow_private, patience=READ_SECONDS, watch=self._sockets.watch)
        self._requests = Requests(url, exchange, self._closed)
        self._pace = Pace()
        self._response: Response | None = None
        self._position = 0  # of the reader
        self._response_position = 0  # of the next byte from the connection
        self._since_connect = 0
        self._failures = 0
        self._ranges: bool | None = None  # None until the first answer
        self._rereads = False
        self._rereads_left = REREADS_BYTES
        self._version: tuple[str | None, str | None] = (None, None)  # ETag, Last-Modified
        self._is_station = False
        self.length: int | None = None
        opening = Deadline(OPEN_SECONDS, self._give_up)
        try:
            with opening:
                self._begin()
            if opening.passed:
                raise TimeoutError
        except BaseException as error:
            self.close()
            if opening.passed and isinstance(error, Exception):
                detail = "The server did not answer in time."
                raise SourceError("TOO_SLOW", detail, permanent=False) from error
            raise
        self._open_until = math.inf
        self.is_live = self._is_station

    def _begin(self) -> None:
        self._response = response = self._ask(0)
        headers = response.headers
        self.title = icy_title(headers) or header_title(headers) or path_title(self.url)
        self._is_station = response.is_icy or is_station(headers)
        self._version = headers.get("ETag"), headers.get("Last-Modified")
        response.wire.deadline = time.monotonic() + READ_SECONDS  # for peeking at its beginning
        refuse_other_content(headers, response.peek, path=response.url.path)
        self._ranges = bool(self._ranges) and not self._is_station
        if self._is_station:
            return
        self.length = response.length
        if response.status == 206 and response.countable:
            self.length = content_range(headers)[1] or response.length
        if not self._ranges and response.length and headers.get("Accept-Ranges", "").lower() == "bytes":
            self._ranges = self._knows_ranges(response)
        if not self._ranges and needs_seeking(response.peek(_BEGINNING_BYTES)):
            if self.length is None:
                self.length = self._measure(response)
            self._rereads = self.length is not None and self.length <= REREAD_BYTES

    # File

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self.length is not None and (bool(self._ranges) or self._rereads)

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the position. The next read connects there."""
        if not self.seekable() or self.length is None:
            raise io.UnsupportedOperation("seek")
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.length}[whence]
        if base + offset < 0:
            raise ValueError("negative position")
        self._position = base + offset
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, b"" at the end. Raises SourceError, or ValueError once closed."""
        if size < 0:
            raise io.UnsupportedOperation("a link is read in pieces")
        if size == 0:
            return b""
        try:
            with self._reading:
                return self._read(size)
        finally:
            if self._closed.is_set():
                self._release()

    def close(self) -> None:
        self._give_up()
        self._release()

    def _give_up(self) -> None:
        self._closed.set()
        self._sockets.cut()

    # Reading

    def _read(self, size: int) -> bytes:
        while True:
            if self._closed.is_set():
                raise ValueError("read of a closed file")
            if self.length is not None and self._position >= self.length:
                self._refuse_surplus()
                return b""
            try:
                data = self._pull(self._response_at_position(), size)
            except SourceError as error:
                if error.code not in {"UNREACHABLE", "TOO_SLOW"}:
                    raise
                self._recover(error)
                continue
            except (OSError, Nonsense, ValueError) as error:  # ValueError: another thread closed the socket
                self._recover(error)
                continue
            if data:
                self._advance(len(data))
                self._position = self._response_position
                return data
            if not self._is_station and (self.length is None or self._response_position >= self.length):
                return b""
            self._recover(None)

    def _pull(self, response: Response, size: int) -> bytes:
        return self._pace.read(response, size, patience=READ_SECONDS)

    def _advance(self, count: int) -> None:
        self._response_position += count
        self._since_connect += count
        if self._since_connect >= GOOD_STRETCH_BYTES:
            self._failures = 0

    def _response_at_position(self) -> Response:
        gap = self._position - self._response_position
        if self._response is not None and gap > 0 and (gap <= READ_OVER_BYTES or not self._ranges):
            passed = self._read_over(self._response, gap)
            self._advance(passed)
            if passed < gap:
                raise ConnectionError
        elif self._response is not None and gap != 0:
            self._drop()
        if self._response is None:
            self._response = self._ask(self._position)
            self._response_position = self._position
            self._since_connect = 0
        return self._response

    def _recover(self, error: Exception | None) -> None:
        """Wait before the next attempt, or raise if there should be none."""
        self._drop()
        if self._closed.is_set():
            raise ValueError("read of a closed file")
        named = self.length is not None and self._version != (None, None)
        if not (self._is_station or self._ranges or self._rereads or named):
            if isinstance(error, TimeoutError):
                raise SourceError("TOO_SLOW", "The server stopped sending.", permanent=False) from error
            detail = "The connection was lost, and this server cannot resume."
            raise SourceError("BROKE_OFF", detail, permanent=False) from error
        if self._failures >= len(RETRY_SECONDS):
            if isinstance(error, SourceError):
                raise error
            if isinstance(error, TimeoutError):
                raise SourceError("TOO_SLOW", "The server stopped sending.", permanent=False) from error
            raise SourceError("BROKE_OFF", "The connection was lost too often.", permanent=False) from error
        self._closed.wait(RETRY_SECONDS[self._failures])
        self._failures += 1

    # Requests

    def _ask(self, position: int) -> Response:
        """Return a response whose body begins at `position`. Raises SourceError, or OSError if a link that worked
        before may be tried again."""
        try:
            response = self._ask_part(position) if self._ranges is not False else None
            return response or self._ask_whole(position)
        except (OSError, Nonsense, ValueError) as error:
            if self._closed.is_set():
                raise ValueError("read of a closed file") from error
            if self._response_position or self._position:
                raise TimeoutError if isinstance(error, TimeoutError) else ConnectionError from error
            if isinstance(error, TimeoutError):
                detail = "The server did not answer in time."
                raise SourceError("TOO_SLOW", detail, permanent=False) from error
            if isinstance(error, ssl.SSLCertVerificationError):
                detail = "The certificate of the server is not valid."
                raise SourceError("UNREACHABLE", detail, permanent=True) from error
            detail = "The server sent an invalid answer."
            raise SourceError("UNREACHABLE", detail, permanent=False) from error

    def _ask_part(self, position: int) -> Response | None:
        """Request a range. Returns None if the server does not support ranges, or not this one."""
        headers = {"Range": f"bytes={position}-"}
        etag, modified = self._version
        # A weak tag does not promise the same bytes (RFC 9110, section 13.1.5).
        validator = etag if etag and etag.startswith('"') else modified
        if position and validator:
            headers["If-Range"] = validator
        try:
            response = self._answer(headers)
        except (ConnectionError, Nonsense):
            if self._ranges or self._closed.is_set():
                raise
            return None  # some servers close the connection on a range request
        start, length = content_range(response.headers)
        answered = response.status in {200, 203, 206}
        if answered and response.status != 206 and (position == 0 or start in {None, 0}):
            return response if position == 0 else self._skip(response, position)
        if answered and start == position and length is not None and response.countable:
            if self._ranges and (length != self.length or not self._is_same(response)):
                self._refuse_change(response)
            self._ranges = True
            return response
        response.close()
        if response.status == 416 and position and true_length(response.headers) == position:
            self.length = position  # shorter than the server said before
            raise ConnectionError
        if answered or response.status in _NOT_LIKE_THIS:
            return None
        raise refusal(response.status, response.headers)

    def _ask_whole(self, position: int) -> Response:
        self._ranges = self._ranges or False
        response = self._answer({})
        headers = response.headers
        partial = is_multipart(headers) or content_range(headers)[0] not in {None, 0}
        if response.status not in {200, 203, 206} or partial:
            response.close()
            if position and response.status == 416:
                detail = "The server refuses to send the rest of the file."
                raise SourceError("BROKE_OFF", detail, permanent=False)
            raise refusal(response.status, headers)
        return response if position == 0 or self._is_station else self._skip(response, position)

    def _skip(self, response: Response, position: int) -> Response:
        """Read up to `position`, if the file has not changed. Raises SourceError."""
        if response.length not in {None, self.length} or not self._is_same(response):
            self._refuse_change(response)
        self._rereads_left -= position
        if position > REREAD_BYTES or self._rereads_left < 0:
            response.close()
            detail = "This server can only send whole files, and this one is too large to read again."
            raise SourceError("BROKE_OFF", detail, permanent=False)
        if self._read_over(response, position) < position:
            raise ConnectionError
        return response

    def _read_over(self, response: Response, count: int) -> int:
        """Read and discard up to `count` bytes. Returns how many. Raises TimeoutError if it takes too long."""
        ends_at = time.monotonic() + READ_OVER_SECONDS
        passed = 0
        while passed < count and (data := self._pull(response, min(READ_OVER_BYTES, count - passed))):
            passed += len(data)
            if time.monotonic() > ends_at:
                raise TimeoutError
        return passed

    def _is_same(self, response: Response) -> bool:
        etag, modified = self._version
        etag_now = response.headers.get("ETag")
        if etag and etag_now:
            return etag == etag_now
        # Scripts often send the current time as Last-Modified. So if we can seek, the same length is enough.
        return bool(self._ranges) or self._rereads or modified == response.headers.get("Last-Modified")

    def _refuse_change(self, response: Response) -> None:
        response.close()
        raise SourceError("BROKE_OFF", "The file changed on the server while it played.", permanent=False)

    def _refuse_surplus(self) -> None:
        """At the end of the file, raise SourceError if the server sends more data than it announced."""
        response = self._response
        if response is None or response.length is None or self._response_position != self.length:
            return
        more = response.surplus(SURPLUS_SECONDS)
        self._drop()
        if more:
            detail = "The server sends more data than it announced."
            raise SourceError("BROKE_OFF", detail, permanent=False)

    def _answer(self, headers: dict[str, str]) -> Response:
        self._sockets.forget_attempts()
        return self._requests.send(headers, until=self._open_until)

    def _knows_ranges(self, response: Response) -> bool:
        """Test for range support: some servers answer `bytes=0-` with the whole file but do support ranges."""
        try:
            part = self._answer({"Range": "bytes=1-"})
        except (SourceError, OSError, Nonsense, ValueError):
            return False
        finally:
            self._sockets.current = response.opened
        part.close()
        return part.status == 206 and part.countable and content_range(part.headers) == (1, self.length)

    def _measure(self, response: Response) -> int | None:
        """Find the length by reading the file to its end. Returns None above REREAD_BYTES."""
        try:
            length = self._read_over(response, REREAD_BYTES + 1)
        except (SourceError, OSError, Nonsense, ValueError):
            return None
        finally:
            self._drop()
        return length if length <= REREAD_BYTES else None

    # Connection

    def _release(self) -> None:
        """Close the connection, unless a thread is reading from it. That thread then calls this when it is done."""
        if self._reading.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._reading.release()

    def _drop(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            response.close()
        self._sockets.close()
