"""One request with all its redirects. Every connection is made by `addresses.connect`."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote_from_bytes, urljoin

import httpx

from library.sources.addresses import connect, parse_url
from library.sources.bodies import Body, open_body
from library.sources.cookies import Cookies
from library.sources.errors import SourceError
from library.sources.types import Networks
from library.sources.wire import MAX_LOCATION_LENGTH, Nonsense, Wire, read_head

CONNECT_SECONDS = 8.0
MAX_REDIRECTS = 20  # as in browsers (fetch.spec.whatwg.org, "HTTP-redirect fetch")
# 300 counts if the server names its preferred choice in `Location` (RFC 9110, section 15.4.1).
_REDIRECTS = {300, 301, 302, 303, 307, 308}
_LAST_WORDS_BYTES = 64
_ABSOLUTE = re.compile(r"(https?:|)(/*)", re.IGNORECASE)


@dataclass(slots=True)
class Response:
    """`length`: how many bytes `read` will return, None if unknown. `countable`: the body's bytes are the ones that
    ranges count. `opened`: its connection. `url`: its address after all redirects."""

    status: int
    headers: http.client.HTTPMessage
    is_icy: bool
    length: int | None
    countable: bool
    opened: socket.socket
    wire: Wire
    body: Body
    url: httpx.URL
    ahead: bytes = b""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, b"" at the end. Raises SourceError, Nonsense, OSError."""
        if self.ahead:
            data, self.ahead = self.ahead[:size], self.ahead[size:]
            return data
        return self.body.read(size)

    def peek(self, size: int) -> bytes:
        """Return the next bytes without consuming them, fewer than `size` if the body ends or fails."""
        try:
            while len(self.ahead) < size and (data := self.body.read(size - len(self.ahead))):
                self.ahead += data
        except (OSError, Nonsense, SourceError):
            pass  # the next `read` fails again
        return self.ahead

    def surplus(self, seconds: float) -> bool:
        """Return whether more data follows a body within that time. A few bytes do not count: scripts append some."""
        self.wire.deadline = time.monotonic() + seconds
        try:
            return len(self.wire.read(1024)) > _LAST_WORDS_BYTES
        except OSError:
            return False

    def close(self) -> None:
        self.opened.close()


@dataclass(frozen=True, slots=True)
class Exchange:
    """How requests are sent. `watch` gets each socket, so that another thread can shut it down, and may raise to end
    the attempt. `patience` is the timeout of a single wait, in seconds."""

    allow_private: Networks
    patience: float
    watch: Callable[[socket.socket], None]

    def follow(self, url: httpx.URL, headers: dict[str, str], *, deadline: float) -> Response:
        """Return the first response that is not a redirect. Raises SourceError, Nonsense, OSError."""
        cookies = Cookies()
        for _ in range(MAX_REDIRECTS + 1):
            response = self._ask(url, headers, cookies, deadline)
            location = response.headers.get("Location", "")
            if response.status not in _REDIRECTS or not location:
                return response
            response.close()
            cookies.keep(url, response.headers)
            url = redirect_target(url, location)
        raise SourceError("UNREACHABLE", "The server redirects in circles.", permanent=True)

    def _ask(self, url: httpx.URL, headers: dict[str, str], cookies: Cookies, deadline: float) -> Response:
        host = url.raw_host.decode("ascii")
        opened = connect(
            host,
            url.port or (443 if url.scheme == "https" else 80),
            allow_private=self.allow_private,
            timeout=min(CONNECT_SECONDS, _left(deadline)),
            opened=self.watch,
        )
        try:
            self.watch(opened)
            opened.settimeout(_left(deadline))
            if url.scheme == "https":
                opened = _tls().wrap_socket(
                    opened, server_hostname=host.rstrip("."), do_handshake_on_connect=False
                )
                self.watch(opened)
                opened.do_handshake()
            sent = {"Host": url.netloc.decode("ascii"), **headers}
            if cookie := cookies.header(url):
                sent["Cookie"] = cookie
            opened.sendall(_request(url.raw_path.decode("ascii"), sent))
            wire = Wire(opened, patience=self.patience, deadline=deadline)
            head = read_head(wire)
            # The body of a redirect or an error is not read.
            nothing: tuple[Body, int | None, bool] = (wire, None, False)
            body, length, countable = open_body(wire, head.headers) if head.status < 300 else nothing
            return Response(
                head.status, head.headers, head.is_icy, length, countable, opened, wire, body, url
            )
        except BaseException:
            opened.close()
            raise


def redirect_target(base: httpx.URL, location: str) -> httpx.URL:
    """Return the target of a `Location` header, given as Latin-1. Raises SourceError.

    As in browsers: non-ASCII bytes are kept unchanged, whatever their encoding. Surrounding white space and line ends
    are removed. A backslash counts as a slash, and any number of slashes before a host as two (url.spec.whatwg.org,
    "special authority ignore slashes state").
    """
    raw = location.strip().encode("latin-1")
    try:
        text = raw.decode("utf-8")  # a host must become IDNA, not percent-encoded
    except UnicodeDecodeError:
        text = quote_from_bytes(raw, safe=bytes(range(0x21, 0x7F)))
    before, mark, after = re.sub(r"[\t\r\n]", "", text).partition("?")
    before = before.replace("\\", "/")
    nowhere = SourceError("BAD_URI", "The server sent a redirect without a valid address.", permanent=True)
    begins = _ABSOLUTE.match(before)
    if begins and (len(begins[2]) > 1 or (begins[1] and begins[1].lower() != f"{base.scheme}:")):
        host = before[begins.end() :]
        if not host or host.startswith("#"):
            raise nowhere
        before = f"{begins[1]}//{host}"
    try:
        target = urljoin(str(base), f"{before}{mark}{after}")
    except ValueError as error:
        raise nowhere from error
    return parse_url(target, max_length=MAX_LOCATION_LENGTH)


def _request(target: str, headers: dict[str, str]) -> bytes:
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if any(char in line for line in lines for char in "\r\n\0"):
        raise SourceError("BAD_URI", "This is not a valid link.", permanent=True)
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@cache
def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
