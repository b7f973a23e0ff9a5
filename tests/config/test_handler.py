"""Requests reach Django in long-lived threads."""

from __future__ import annotations

import inspect
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from django.conf import settings as django_settings
from django.core import signals
from django.db.backends.signals import connection_created
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, clear_url_caches, get_resolver, path
from django.utils.module_loading import import_string

from config import urls
from config.handler import BODY_BYTES
from realtime import http_bounds
from realtime.db import for_requests
from tests.conftest import access_token
from tests.factories import SessionFactory
from tests.server import Server
from tests.waiting import until


def views(resolver: URLResolver) -> Iterator[tuple[str, Any]]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from views(pattern)
        elif isinstance(pattern, URLPattern):
            yield str(pattern.pattern), pattern.callback


@pytest.mark.parametrize("urlconf", [django_settings.ROOT_URLCONF, django_settings.BOT_API_URLCONF])
def test_no_view_is_async(urlconf: str) -> None:
    """The handler calls every view in a thread."""
    for route, view in views(get_resolver(urlconf)):
        klass = getattr(view, "view_class", getattr(view, "cls", None))
        assert not inspect.iscoroutinefunction(view), route
        assert not getattr(klass, "view_is_async", False), route


def test_no_middleware_is_only_async() -> None:
    for name in django_settings.MIDDLEWARE:
        assert getattr(import_string(name), "sync_capable", True), name


class Requests:
    """Sends requests to a server as a logged-in user."""

    def __init__(self, server: Server) -> None:
        self._client = httpx.Client(
            base_url=server.url,
            headers={"Authorization": f"Bearer {access_token(SessionFactory.create())}"},
            timeout=10,
        )

    def get(self, address: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self._client.get(address, headers=headers)


@pytest.fixture
def requests(server: Server) -> Requests:
    return Requests(server)


def test_a_thread_keeps_its_connection_to_the_database(requests: Requests) -> None:
    opened: list[str] = []

    def note(**kwargs: Any) -> None:
        opened.append(threading.current_thread().name)

    everybody = threading.Barrier(for_requests.count)  # so many requests at once that every thread is started
    for each in [for_requests.submit(everybody.wait) for _ in range(for_requests.count)]:
        each.result(timeout=20)
    connection_created.connect(note)
    try:
        for _ in range(30):  # one after another
            assert requests.get("/api/auth/me").status_code == 200
    finally:
        connection_created.disconnect(note)
    in_requests = [name for name in opened if name.startswith("http")]
    assert len(in_requests) == len(set(in_requests)) <= 8


def test_each_request_begins_and_ends(requests: Requests) -> None:
    reported: list[str] = []

    def begun(**kwargs: Any) -> None:
        reported.append("begun")

    def ended(**kwargs: Any) -> None:
        reported.append("ended")

    signals.request_started.connect(begun)
    signals.request_finished.connect(ended)
    try:
        assert requests.get("/api/auth/me").status_code == 200
        assert requests.get("/api/no-such-thing").status_code == 404
    finally:
        signals.request_started.disconnect(begun)
        signals.request_finished.disconnect(ended)
    assert reported == ["begun", "ended"] * 2


@pytest.fixture
def more_urls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Any], None]]:
    """Return a function that adds a view to the program's URLs."""

    def add(route: str, view: Any) -> None:
        monkeypatch.setattr(urls, "urlpatterns", [path(route, view), *urls.urlpatterns])
        clear_url_caches()

    yield add
    monkeypatch.undo()
    clear_url_caches()


def test_requests_that_wait_for_a_stranger_hold_up_nobody(
    more_urls: Callable[[str, Any], None], requests: Requests, server: Server
) -> None:
    arrived, gate = threading.Semaphore(0), threading.Event()

    def wait(request: HttpRequest) -> HttpResponse:
        arrived.release()
        gate.wait(10)
        return HttpResponse("at last")

    more_urls("api/test-slow", wait)
    with ThreadPoolExecutor(20) as pool:
        slow = [pool.submit(httpx.get, f"{server.url}/api/test-slow", timeout=20) for _ in range(20)]
        try:
            assert all(arrived.acquire(timeout=10) for _ in range(20))
            assert requests.get("/api/auth/me").status_code == 200
        finally:
            gate.set()
        assert {each.result().text for each in slow} == {"at last"}


def test_a_process_whose_threads_are_all_busy_is_alive(
    more_urls: Callable[[str, Any], None], server: Server
) -> None:
    arrived, gate = threading.Semaphore(0), threading.Event()
    count = for_requests.count

    def wait(request: HttpRequest) -> HttpResponse:
        arrived.release()
        gate.wait(20)
        return HttpResponse("at last")

    more_urls("api/test-slow", wait)
    with ThreadPoolExecutor(count) as pool:
        slow = [pool.submit(httpx.get, f"{server.url}/api/test-slow", timeout=30) for _ in range(count)]
        try:
            assert all(arrived.acquire(timeout=20) for _ in range(count))
            assert httpx.get(f"{server.url}/healthz").json() == {"status": "alive"}
        finally:
            gate.set()
        assert {each.result().status_code for each in slow} == {200}


def test_a_view_that_fails_is_answered_and_logged(
    more_urls: Callable[[str, Any], None], requests: Requests, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(request: HttpRequest) -> HttpResponse:
        raise RuntimeError("deliberate")

    more_urls("api/test-fail", fail)
    answer = requests.get("/api/test-fail")
    assert answer.status_code == 500
    assert "deliberate" not in answer.text
    assert "deliberate" in caplog.text
    assert requests.get("/api/auth/me").status_code == 200


def test_static_files_are_served_and_nothing_else_beside_them(requests: Requests) -> None:
    page = requests.get("/static/backline/css/tokens.css", headers={"Accept-Encoding": "identity"})
    assert page.status_code == 200
    url, size = str(page.url), str(len(page.content))
    assert (page.headers["content-type"], page.headers["content-length"]) == (
        'text/css; charset="utf-8"',
        size,
    )
    again = httpx.get(url, headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    part = httpx.get(url, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, page.content[1:4])
    head = httpx.head(url, headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", size)
    assert httpx.post(url).status_code == 405
    for absent in ("/static/none.css", "/static/../manage.py", "/static/"):
        assert requests.get(absent).status_code in {302, 404}  # the program's own path


def test_text_is_compressed_for_those_who_take_it(requests: Requests) -> None:
    for where, packed in (
        ("/static/backline/css/tokens.css", True),
        ("/static/backline/icons/icon-192.png", False),
        ("/api/schema", True),
    ):
        plain = requests.get(where, headers={"Accept-Encoding": "identity"})
        answer = requests.get(where, headers={"Accept-Encoding": "gzip, br"})
        assert plain.headers.get("content-encoding") is None
        assert (answer.headers.get("content-encoding") == "gzip") is packed, where
        if packed:
            assert int(answer.headers["content-length"]) < int(plain.headers["content-length"]) / 2
            assert "Accept-Encoding" in answer.headers["vary"]
        if where.startswith("/static"):
            assert answer.content == plain.content
            again = requests.get(where, headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")


def test_what_comes_in_pieces_is_read_whole(server: Server) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(3):
            yield b" " * 1000
        yield b"{}"

    answer = httpx.post(f"{server.url}/api/auth/token/refresh", content=pieces())
    assert answer.status_code == 400


# --- Bounds ---


def say(server: Server, request: bytes) -> bytes:
    """Send bytes and read until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


def head(method: str, path: str, **headers: object) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize(
    "where", ["/api/auth/token/refresh", "/static/backline/css/tokens.css", "/", "/healthz", "/admin/"]
)
def test_a_body_over_two_megabytes_is_413(where: str, server: Server) -> None:
    for method in ("POST", "GET"):
        announced = say(server, head(method, where, Content_Length=BODY_BYTES + 1))
        assert announced.startswith(b"HTTP/1.1 413 ")
        assert b'"code": "TOO_LARGE"' in announced

    def pieces() -> Iterator[bytes]:
        for _ in range(0, BODY_BYTES + 1, 100_000):
            yield b" " * 100_000

    assert httpx.post(f"{server.url}{where}", content=pieces()).status_code == 413


def test_a_body_of_two_megabytes_is_read_and_that_of_a_get_is_not_kept(server: Server) -> None:
    body = b" " * BODY_BYTES
    assert httpx.post(f"{server.url}/api/auth/token/refresh", content=body).status_code in {400, 415}
    for where in ("/static/backline/css/tokens.css", "/healthz"):
        assert httpx.request("GET", f"{server.url}{where}", content=body).status_code == 200


@pytest.mark.parametrize("pieces", [1, 20])
def test_headers_over_64_kilobytes_are_431(pieces: int, server: Server) -> None:
    for where in ("/", "/api/auth/me", "/static/backline/css/tokens.css"):
        headers = {f"X_{number}": "x" * (70_000 // pieces) for number in range(pieces)}
        assert say(server, head("GET", where, **headers)).startswith(b"HTTP/1.1 431 "), where
    long = say(server, head("GET", "/" + "x" * 70_000))
    assert long.startswith(b"HTTP/1.1 431 ")
    endless = say(server, head("GET", "/")[:-2] + b"X: " + b"x" * 70_000)
    assert endless.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "name",
    [
        "Accept",
        "Accept-Language",
        "Authorization",
        "Content-Type",
        "Cookie",
        "Host",
        "If-None-Match",
        "Range",
    ],
)
@pytest.mark.parametrize("value", ["x" * 11_000, "a=b;" * 5_000, ",;" * 5_000, "\xff", "bytes=9-2", "[::1"])
def test_no_header_is_an_error_of_ours(name: str, value: str, server: Server) -> None:
    for where in ("/", "/api/auth/me", "/static/backline/css/tokens.css", "/admin/login/"):
        lines = head("GET", where).decode()
        if name == "Host":
            lines = lines.replace("Host: 127.0.0.1\r\n", "")
        answer = say(server, f"{lines[:-2]}{name}: {value}\r\n\r\n".encode("latin-1"))
        assert b"200" <= answer[9:12] < b"500", answer[:200]
        if name == "Content-Type" and len(value) > 10_000 and not where.startswith("/static"):
            assert answer[9:12] == b"400"


def test_a_client_that_never_finishes_its_request_is_cut_off(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_bounds, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(http_bounds, "BODY_SECONDS", 0.3)
    begun = [
        b"",
        b"G",
        head("GET", "/")[:-2],
        head("POST", "/api/auth/token/refresh", Content_Length=10) + b"{",
        head("POST", "/static/backline/css/tokens.css", Content_Length=10) + b"{",
        head("POST", "/api/auth/token/refresh", Transfer_Encoding="chunked") + b"1\r\n{\r\n",
    ]
    assert [say(server, request) for request in begun] == [b""] * len(begun)
    kept = say(server, head("GET", "/healthz").replace(b"close", b"keep-alive") + b"GET /heal")
    assert kept.count(b"HTTP/1.1 200") == 1
    until(lambda: not server.connections)


def test_a_slow_answer_is_no_slow_request(
    server: Server, more_urls: Callable[[str, Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_bounds, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(http_bounds, "BODY_SECONDS", 0.2)

    def wait(request: HttpRequest) -> HttpResponse:
        threading.Event().wait(0.6)
        return HttpResponse("at last")

    more_urls("api/test-slow", wait)
    assert say(server, head("GET", "/api/test-slow")).endswith(b"at last")
    with server.connect() as opened:
        threading.Event().wait(0.4)
        assert opened.init("nonsense")["type"] == "error"
