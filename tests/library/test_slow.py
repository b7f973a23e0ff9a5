"""Slow servers: how long they may take to answer, to send and to stall."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate

import pytest

import library.sources.http_media as http_media
from library.sources import SourceError, pace, requests
from tests.library.audio_server import AudioServer, Resource
from tests.library.links import answer, look, opened, refusal, whole

pytestmark = pytest.mark.usefixtures("quick_retries")


@contextmanager
def trickling(head: bytes, piece: bytes) -> Iterator[str]:
    """A server that sends a head, and then a piece again and again until the client goes away."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def trickle() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(head)
                while True:
                    try:
                        connection.sendall(piece)
                    except OSError:
                        return
                    time.sleep(0.01)  # the trickle itself

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        thread.join(5)
        assert not thread.is_alive()


def test_a_silent_server_is_too_slow(
    server: AudioServer, opus: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_media, "READ_SECONDS", 0.1)
    server.resources["/a.opus"] = Resource(opus, stall_after=100)
    assert refusal(server.url("/a.opus")).code == "TOO_SLOW"
    with socket.create_server(("127.0.0.1", 0)) as mute:  # accepts in its backlog, never responds
        assert refusal(f"http://127.0.0.1:{mute.getsockname()[1]}/").code == "TOO_SLOW"


def test_a_trickling_server_is_too_slow(
    server: AudioServer, opus: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("library.sources.http.RESOLVE_SECONDS", 0.3)
    monkeypatch.setattr(http_media, "READ_SECONDS", 3600.0)
    server.resources["/a.opus"] = Resource(opus, stall_after=100)
    assert refusal(server.url("/a.opus")).code == "TOO_SLOW"
    monkeypatch.setattr(requests, "ANSWER_SECONDS", 0.3)
    with trickling(b"HTTP/1.1 200 OK\r\nX: ", b"x") as url:
        assert refusal(url).code == "TOO_SLOW"


def test_measuring_a_file_counts_as_opening_it(
    server: AudioServer, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_media, "OPEN_SECONDS", 0.3)
    server.resources["/a.m4a"] = Resource(
        files["m4a"], ranges=False, with_length=False, stall_after=len(files["m4a"]) // 2
    )
    assert refusal(server.url("/a.m4a")).code == "TOO_SLOW"
    assert server.count("/a.m4a") == 1


def test_a_read_that_blocks_ends_when_the_file_is_closed(
    server: AudioServer, opus: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_media, "READ_SECONDS", 3600.0)
    server.resources["/a.opus"] = Resource(opus, stall_after=100)
    media = opened(server.url("/a.opus"))
    assert media.read(100)
    ended = threading.Event()

    def read() -> None:
        with pytest.raises(ValueError, match="closed"):
            deque(iter(lambda: media.read(100), b""), maxlen=0)
        ended.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert server.stalled.wait(5)
    media.close()
    reader.join(5)
    assert ended.is_set()
    media.close()
    assert media._response is None
    assert media._sockets.current is None


def test_a_busy_server_gets_the_short_wait_that_it_asks_for(server: AudioServer, opus: bytes) -> None:
    for reported in ("0", formatdate(time.time() - 5, usegmt=True)):
        busy = iter(
            [answer(status="503 Busy").replace(b"\r\n", f"\r\nRetry-After: {reported}\r\n".encode(), 1)]
        )

        def script(_: dict[str, str], busy: Iterator[bytes] = busy) -> bytes:
            return next(busy, answer(opus))

        server.resources["/a.opus"] = Resource(script=script)
        assert look(server.url("/a.opus")).title == "Moss"
    server.requests.clear()
    server.resources["/a.opus"] = Resource(status=429, headers={"Retry-After": "300"})
    error = refusal(server.url("/a.opus"))
    assert (error.code, error.permanent) == ("UNREACHABLE", False)
    assert error.detail == "The station answered 429. Try again in 5 minutes."
    assert len(server.requests) == 1


def test_a_file_that_stops_coming_is_too_slow(
    server: AudioServer, opus: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_media, "READ_SECONDS", 0.1)
    for options in ({"ranges": True}, {"ranges": False}, {"ranges": False, "chunked": 1000}):
        server.resources["/a.opus"] = Resource(opus, stall_after=5000, **options)
        with pytest.raises(SourceError) as caught:
            whole(server.url("/a.opus"))
        assert caught.value.code == "TOO_SLOW", options


@pytest.mark.parametrize("piece", [b"x", b"0"])
def test_a_trickle_is_a_stall(piece: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then restarts a socket's timeout forever, and so do the digits of a chunk's size."""
    monkeypatch.setattr(pace, "PACE_SECONDS", 0.2)
    monkeypatch.setattr(http_media, "READ_SECONDS", 0.3)
    chunked = piece == b"0"
    head = b"HTTP/1.1 200 OK\r\n" + (
        b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"\r\n" + bytes(100)
    )
    with trickling(head, piece) as url:
        with pytest.raises(SourceError) as caught:
            whole(url)
        assert caught.value.code == "TOO_SLOW"
