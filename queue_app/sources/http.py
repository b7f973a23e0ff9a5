"""Audio behind a link, as a file that FFmpeg can read and seek in.

Blocking, for worker threads. Every connection goes through `addresses.connect`, redirects included.
"""

from __future__ import annotations

import http.client
import io
import os
import socket
import ssl
import threading
from collections.abc import Callable
from functools import cache

import httpx

from queue_app.sources.addresses import connect, parse_url
from queue_app.sources.errors import SourceError
from queue_app.sources.responses import (
    Response,
    content_range,
    file_title,
    icy_title,
    path_title,
    refusal,
    refuse_other_content,
)
from queue_app.sources.types import Networks

CONNECT_SECONDS = 8.0
READ_SECONDS = 12.0  # without a single byte
ANSWER_SECONDS = 20.0  # from connecting to the end of the headers, all redirects together
MAX_REDIRECTS = 5
# Waits before each new attempt after a broken connection; a good stretch of data starts the list anew.
RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0, 4.0)
GOOD_STRETCH_BYTES = 64 * 1024
# Reading over a short gap is cheaper than a new connection.
READ_OVER_BYTES = 128 * 1024


class Deadline:
    """Calls `action` from another thread when a block takes longer than `seconds`; `passed` says it did.

    A socket's time-out starts anew with each byte, so a server that trickles needs a bound from outside.
    """

    def __init__(self, seconds: float, action: Callable[[], None]) -> None:
        self._action = action
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self.passed = False

    def _expire(self) -> None:
        self.passed = True
        self._action()

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


class HttpMedia:
    """A readable, where the server knows ranges seekable, file over HTTP.

    A broken connection is taken up again at the same byte, checked by `Content-Range` and `If-Range`; a
    server without ranges ends in `BROKE_OFF`, never in hearing the beginning again. A station (`icy-*`
    headers) has no position and is simply joined again.

    One thread reads; `close` may come from any thread, at once ends a read that blocks, and is idempotent.
    """

    def __init__(self, url: httpx.URL, *, allow_private: Networks) -> None:
        """Connects and reads the headers. Raises SourceError."""
        self.url = url
        self._allow_private = allow_private
        self._closed = threading.Event()
        self._reading = threading.Lock()
        self._socket: socket.socket | None = None
        self._response: http.client.HTTPResponse | None = None
        self._position = 0  # of the reader
        self._response_position = 0  # of the next byte that the connection will give
        self._since_connect = 0
        self._failures = 0
        self._validator: str | None = None
        self._seekable = False
        self._is_station = False
        self.length: int | None = None
        try:
            self._begin()
        except BaseException:
            self.close()
            raise
        self.is_live = self._is_station or self.length is None

    def _begin(self) -> None:
        self._response = response = self._ask(0)
        headers = response.headers
        self.title = icy_title(headers) or file_title(headers.get_filename()) or path_title(self.url)
        self._is_station = any(name.lower().startswith("icy-") for name in headers)
        refuse_other_content(headers)
        if response.status == 206:
            self._seekable, self.length = not self._is_station, content_range(headers)[1]
        elif not self._is_station:
            self.length = response.length
        etag = headers.get("ETag", "")
        # A weak tag does not promise the same bytes (RFC 9110, section 13.1.5).
        self._validator = etag if etag.startswith('"') else headers.get("Last-Modified")

    # File

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seekable and self.length is not None

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Only notes the place; the next read connects there."""
        if not self.seekable() or self.length is None:
            raise io.UnsupportedOperation("seek")
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.length}[whence]
        if base + offset < 0:
            raise ValueError("negative position")
        self._position = base + offset
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, b"" at the end. Raises SourceError, ValueError once closed."""
        if size < 0:
            raise io.UnsupportedOperation("a link is read in pieces")
        try:
            with self._reading:
                return self._read(size)
        finally:
            if self._closed.is_set():
                self._release()

    def close(self) -> None:
        self._closed.set()
        self._cut()
        self._release()

    # Connection

    def _read(self, size: int) -> bytes:
        while True:
            if self._closed.is_set():
                raise ValueError("read of a closed file")
            if self.length is not None and self._position >= self.length:
                return b""
            try:
                response = self._response_at_position()
                data = response.read1(size)
            except SourceError as error:
                if error.code not in {"UNREACHABLE", "TOO_SLOW"}:
                    raise
                self._recover(error)
                continue
            except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
                # ValueError and AttributeError: http.client when its socket goes away under it.
                self._recover(error)
                continue
            if data:
                self._advance(len(data))
                self._position = self._response_position
                return data
            if not self._is_station and (self.length is None or self._response_position >= self.length):
                return b""
            self._recover(None)

    def _advance(self, count: int) -> None:
        self._response_position += count
        self._since_connect += count
        if self._since_connect >= GOOD_STRETCH_BYTES:
            self._failures = 0

    def _response_at_position(self) -> http.client.HTTPResponse:
        gap = self._position - self._response_position
        if self._response is not None and 0 < gap <= READ_OVER_BYTES:
            while self._response_position < self._position:
                skipped = self._response.read1(self._position - self._response_position)
                if not skipped:
                    raise ConnectionError
                self._advance(len(skipped))
        elif self._response is not None and gap != 0:
            self._drop()
        if self._response is None:
            self._response = self._ask(self._position)
            self._response_position = self._position
            self._since_connect = 0
        return self._response

    def _recover(self, error: Exception | None) -> None:
        """Wait for the next attempt, or raise what makes one pointless."""
        self._drop()
        if self._closed.is_set():
            raise ValueError("read of a closed file")
        if not self._is_station and not self._seekable:
            detail = "The connection broke off, and this server cannot resume."
            raise SourceError("BROKE_OFF", detail, permanent=False) from error
        if self._failures >= len(RETRY_SECONDS):
            if isinstance(error, SourceError):
                raise error
            if isinstance(error, TimeoutError):
                raise SourceError("TOO_SLOW", "The server stopped sending.", permanent=False) from error
            raise SourceError("BROKE_OFF", "The connection broke off too often.", permanent=False) from error
        self._closed.wait(RETRY_SECONDS[self._failures])
        self._failures += 1

    def _ask(self, position: int) -> http.client.HTTPResponse:
        """A response whose body begins at `position`. Raises SourceError; OSError when a connection that was
        good before may be tried again."""
        with Deadline(ANSWER_SECONDS, self._cut) as deadline:
            try:
                response = self._follow(position)
                if deadline.passed:  # headers that were cut off look complete
                    response.close()
                    raise TimeoutError
            except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
                if self._closed.is_set():
                    raise ValueError("read of a closed file") from error
                if self._response_position or self._position:
                    raise ConnectionError from error
                if deadline.passed or isinstance(error, TimeoutError):
                    detail = "The server did not answer in time."
                    raise SourceError("TOO_SLOW", detail, permanent=False) from error
                if isinstance(error, ssl.SSLCertVerificationError):
                    detail = "The certificate of the server is not valid."
                    raise SourceError("UNREACHABLE", detail, permanent=True) from error
                detail = "The server did not give an answer that makes sense."
                raise SourceError("UNREACHABLE", detail, permanent=False) from error
        if self._is_station or (position == 0 and response.status == 200 and self.length is None):
            return response
        if response.status == 206:
            start, length = content_range(response.headers)
            if start == position and (self.length is None or length == self.length):
                return response
        elif position == 0 and response.status == 200 and response.length == self.length:
            return response
        response.close()
        raise SourceError("BROKE_OFF", "The file changed on the server while it played.", permanent=False)

    def _follow(self, position: int) -> http.client.HTTPResponse:
        url = self.url
        for _ in range(MAX_REDIRECTS + 1):
            response = self._exchange(url, position)
            if response.status in {200, 206}:
                return response
            location = response.headers.get("Location")
            response.close()
            if response.status not in {301, 302, 303, 307, 308} or not location:
                raise refusal(response.status)
            try:
                target = str(url.join(location))
            except httpx.InvalidURL as error:
                raise SourceError("BAD_URI", "The server redirects to nowhere.", permanent=True) from error
            url = parse_url(target)
        raise SourceError("UNREACHABLE", "The server redirects in circles.", permanent=True)

    def _exchange(self, url: httpx.URL, position: int) -> http.client.HTTPResponse:
        host = url.raw_host.decode("ascii")
        port = url.port or (443 if url.scheme == "https" else 80)
        transport = connect(
            host, port, allow_private=self._allow_private, timeout=CONNECT_SECONDS, opened=self._watch
        )
        try:
            if url.scheme == "https":
                transport = _tls().wrap_socket(transport, server_hostname=host, do_handshake_on_connect=False)
                self._watch(transport)
                transport.do_handshake()
            transport.settimeout(READ_SECONDS)
            connection = http.client.HTTPConnection(host, port)
            connection.response_class = Response
            connection.sock = transport
            connection.putrequest(
                "GET", url.raw_path.decode("ascii"), skip_host=True, skip_accept_encoding=True
            )
            for name, value in self._headers(url, position).items():
                connection.putheader(name, value)
            connection.endheaders()
            return connection.getresponse()
        except BaseException:
            transport.close()
            raise

    def _headers(self, url: httpx.URL, position: int) -> dict[str, str]:
        headers = {
            "Host": url.netloc.decode("ascii"),
            "User-Agent": "Backline (+music for Discord)",
            "Accept": "audio/*, application/ogg, */*;q=0.5",
            "Accept-Encoding": "identity",
            "Connection": "close",
            "Range": f"bytes={position}-",
        }
        if position and self._validator:
            headers["If-Range"] = self._validator
        return headers

    def _watch(self, opened: socket.socket) -> None:
        self._socket = opened
        if self._closed.is_set():
            raise ValueError("closed while connecting")

    def _cut(self) -> None:
        """Wake whoever waits on the socket, from any thread. The plain socket's shutdown also for TLS, whose
        own would take the encryption away under a thread that reads."""
        current = self._socket
        if current is not None:
            try:
                socket.socket.shutdown(current, socket.SHUT_RDWR)
            except OSError:
                return  # not connected any more, so nobody waits

    def _release(self) -> None:
        """Free the connection unless a reader is at it, who will do so itself on the way out."""
        if self._reading.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._reading.release()

    def _drop(self) -> None:
        response, self._response = self._response, None
        current, self._socket = self._socket, None
        if response is not None:
            response.close()
        if current is not None:
            current.close()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
