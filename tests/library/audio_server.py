"""A real HTTP server on loopback that can misbehave as audio servers do."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Resource:
    """A file on the server, and how it misbehaves.

    `drops`: after how many bytes of the body each connection breaks, in turn (the last entry is repeated; None means
    never). `stall_after`: send so many bytes, then nothing until the server ends. `chunked`: send chunks of so many
    bytes, without a length. `script` gets the request's headers and returns the whole response; if it raises, the
    connection is closed.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    with_length: bool = True
    drops: list[int | None] = field(default_factory=list)
    stall_after: int | None = None
    chunked: int = 0
    raw: bytes | None = None
    script: Callable[[dict[str, str]], bytes] | None = None


def chunks(body: bytes, size: int, *, end: bytes = b"0\r\n\r\n") -> bytes:
    """Return the body in chunks (RFC 9112, section 7.1)."""
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + end


class AudioServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 32
    host = "127.0.0.1"

    def __init__(self) -> None:
        self.resources: dict[str, Resource] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.ended = threading.Event()
        self.stalled = threading.Event()
        super().__init__((self.host, 0), Handler)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def count(self, path: str) -> int:
        return sum(1 for asked, _ in self.requests if asked == path)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that hang up, which the tests do on purpose."""


class Handler(BaseHTTPRequestHandler):
    server: AudioServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.requests.append((self.path, dict(self.headers)))
        self.close_connection = True
        resource = self.server.resources.get(self.path.partition("?")[0])
        if resource is None:
            self.send_error(404)
            return
        if resource.script is not None:
            self.wfile.write(resource.script(dict(self.headers)))
            return
        if resource.raw is not None:
            self.wfile.write(resource.raw)
            return
        start, status = 0, resource.status
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        unchanged = self.headers.get("If-Range") in {None, resource.headers.get("ETag")}
        if asked and resource.ranges and status == 200 and unchanged:
            start, status = int(asked[1]), 206
        body = resource.body[start:]
        self.send_response(status)
        for name, value in resource.headers.items():
            self.send_header(name, value)
        if status == 206:
            end = len(resource.body)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
        if resource.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            body = chunks(body, resource.chunked)
        elif resource.with_length:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        drop = None
        if resource.drops:
            drop = resource.drops.pop(0) if len(resource.drops) > 1 else resource.drops[0]
        if drop is not None:
            self.wfile.write(body[:drop])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        elif resource.stall_after is not None:
            self.wfile.write(body[: resource.stall_after])
            self.wfile.flush()
            self.server.stalled.set()
            self.server.ended.wait(60)
        else:
            self.wfile.write(body)


@contextmanager
def running_server(kind: type[AudioServer] | None = None) -> Iterator[AudioServer]:
    server = (kind or AudioServer)()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
