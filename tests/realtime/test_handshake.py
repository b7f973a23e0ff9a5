"""Who may open a socket: the first credential present decides."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from accounts.models import AuthSession, User
from realtime.handshake import refusal
from tests.realtime.conftest import Member
from tests.server import WAIT_SECONDS, Server

pytestmark = pytest.mark.django_db(transaction=True)

Options = dict[str, Any]


def cookie_of(member: Member) -> str:
    browser = Client()
    browser.force_login(member.user)
    return str(browser.cookies[django_settings.SESSION_COOKIE_NAME].value)


def bearer(token: str) -> Options:
    return {"additional_headers": {"Authorization": f"Bearer {token}"}}


def subprotocol(token: str) -> Options:
    return {"subprotocols": [Subprotocol("bearer"), Subprotocol(token)]}


def query(token: str) -> Options:
    return {"path": f"/sync?token={token}"}


WAYS: dict[str, Callable[[str], Options]] = {"header": bearer, "subprotocol": subprotocol, "query": query}


def refused(server: Server, options: Options) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as caught:
        server.connect(**options)
    response = caught.value.response
    assert response.headers["Content-Type"] == "application/json"
    return response.status_code, json.loads(response.body or b"")


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_good_token_opens_and_init_needs_none(
    way: Callable[[str], Options], server: Server, member: Member
) -> None:
    with server.connect(**way(member.token)) as socket:
        assert socket.connection.subprotocol == ("bearer" if way is subprotocol else None)
        ready = socket.init(member.instance)
        assert (ready["type"], ready["userId"], ready["auth"]) == ("ready", str(member.user.pk), "valid")


def test_a_session_cookie_opens(server: Server, member: Member) -> None:
    headers = {"Cookie": f"other=a{{b}}; {django_settings.SESSION_COOKIE_NAME}={cookie_of(member)}"}
    with server.connect(additional_headers=headers) as socket:
        ready = socket.init(member.instance)
        assert (ready["type"], ready["expiresAt"]) == ("ready", None)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("token", ["nonsense", "eyJhbGciOiJub25lIn0.e30."])
def test_a_bad_token_refuses_the_upgrade(way: Callable[[str], Options], token: str, server: Server) -> None:
    status, body = refused(server, way(token))
    assert (status, body["code"]) == (401, "TOKEN_INVALID")
    assert set(body) == {"code", "detail"}


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": {"Authorization": "Bearer"}},
        {"subprotocols": [Subprotocol("bearer")]},
        {"path": "/sync?token="},
    ],
    ids=["header", "subprotocol", "query"],
)
def test_an_offer_without_a_token_refuses_the_upgrade(options: Options, server: Server) -> None:
    assert refused(server, options)[1]["code"] == "TOKEN_INVALID"


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_token_beyond_the_grace_refuses_the_upgrade(
    way: Callable[[str], Options], server: Server, member: Member
) -> None:
    token = member.token_expiring(-django_settings.SYNC_GRACE_SECONDS - 60)
    assert refused(server, way(token)) == (
        401,
        {"code": "TOKEN_EXPIRED", "detail": "The token has expired. Request a new one."},
    )


def test_a_revoked_session_refuses_the_upgrade_also_within_the_grace(server: Server, member: Member) -> None:
    AuthSession.objects.update(revoked_at=timezone.now())
    for token in (member.token, member.token_expiring(-60)):
        assert refused(server, bearer(token))[1]["code"] == "SESSION_REVOKED"


def test_a_deactivated_user_refuses_the_upgrade(server: Server, member: Member) -> None:
    User.objects.update(is_active=False)
    assert refused(server, bearer(member.token))[1]["code"] == "USER_NOT_FOUND"


def test_the_first_credential_decides_even_if_a_later_one_were_good(server: Server, member: Member) -> None:
    order = [bearer, subprotocol, query]
    for first, second in itertools.pairwise(order):
        assert refused(server, first("nonsense") | second(member.token))[0] == 401
        with server.connect(**(first(member.token) | second("nonsense"))) as socket:
            assert socket.init(member.instance)["type"] == "ready"
    cookie = {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie_of(member)}"}
    assert refused(server, query("nonsense") | {"additional_headers": cookie})[0] == 401


@pytest.mark.parametrize("cookie", ["stale" * 8, '"\\000aaaaaaaa"', "", "'"])
def test_without_a_credential_or_with_a_stale_cookie_the_first_message_may_bring_it(
    cookie: str, server: Server, member: Member
) -> None:
    headers = {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie}"} if cookie else {}
    with server.connect(additional_headers=headers) as socket:
        assert socket.init(member.instance, member.token)["type"] == "ready"


def test_nobody_at_all_is_told_to_log_in(server: Server, member: Member) -> None:
    with server.connect() as socket:
        error = socket.init(member.instance)
        assert (error["type"], error["code"]) == ("error", "AUTH_REQUIRED")
        assert socket.close_code() == 4401


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:5", "https://127.0.0.1:1337"]
)
def test_a_foreign_origin_is_403_also_with_a_good_credential(
    origin: str, server: Server, member: Member
) -> None:
    status, body = refused(server, bearer(member.token) | {"origin": origin})
    assert (status, body["code"]) == (403, "FORBIDDEN")


def test_our_own_origin_may_come(server: Server, member: Member) -> None:
    for origin in (server.url, django_settings.API_BASE_URL):
        with server.connect(origin=origin, **bearer(member.token)) as socket:
            assert socket.init(member.instance)["type"] == "ready"


def test_a_path_of_no_socket_is_404(server: Server) -> None:
    status, body = refused(server, {"path": "/nothing"})
    assert (status, body["code"]) == (404, "NOT_FOUND")


HANDSHAKE = {
    "Host": "127.0.0.1",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def without(name: str) -> Options:
    return {"headers": {key: value for key, value in HANDSHAKE.items() if key != name}}


def altered(**headers: str) -> Options:
    return {"headers": HANDSHAKE | {name.replace("_", "-"): value for name, value in headers.items()}}


# Faulty handshakes, and the status that an authorized client gets for each.
FAULTS: dict[str, tuple[Options, int]] = {
    "no key": (without("Sec-WebSocket-Key"), 400),
    "a key that is none": (altered(Sec_WebSocket_Key="short"), 400),
    "no version": (without("Sec-WebSocket-Version"), 400),
    "an old version": (altered(Sec_WebSocket_Version="8"), 400),
    "no Connection": (without("Connection"), 426),
    "no Upgrade": (without("Upgrade"), 426),
    "another upgrade": (altered(Upgrade="h2c"), 426),
    "HTTP/1.0": ({"version": "1.0"}, 505),
    "POST": ({"method": "POST"}, 405),
    "a body": (altered(Content_Length="3") | {"body": "abc"}, 400),
    "chunks": (altered(Transfer_Encoding="chunked") | {"body": "0\r\n\r\n"}, 400),
    "a long header": (altered(Cookie="c" * 9000), 431),
    "many headers": (altered(**{f"X-{number}": "x" for number in range(130)}), 431),
    "a long request line": ({"query": "x=" + "x" * 9000}, 414),
    "a foreign origin": (altered(Origin="http://evil.example"), 403),
}


PATHS = {"/ws": "", "/sync": "", "/livestore": "storeId=mine"}


def ask(
    server: Server,
    path: str,
    *,
    method: str = "GET",
    version: str = "1.1",
    query: str = "",
    headers: dict[str, str] = HANDSHAKE,
    body: str = "",
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Send a request as `curl` does. Returns the response's status, body and headers, and closes the connection."""
    lines = [f"{method} {path}{'?' if query else ''}{query} HTTP/{version}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", server.port), timeout=WAIT_SECONDS) as connection:
        connection.sendall(("\r\n".join([*lines, "", ""]) + body).encode())
        head, _, answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode().partition("\r\n\r\n")
    status, *fields = head.split("\r\n")
    found = dict(field.lower().split(": ", 1) for field in fields)
    return int(status.split()[1]), json.loads(answer), found


def test_who_is_asking_comes_before_what_is_wrong_with_the_handshake(server: Server, member: Member) -> None:
    for (name, (fault, status)), (path, store) in itertools.product(FAULTS.items(), PATHS.items()):
        query = "&".join(filter(None, [store, fault.get("query", "")]))
        headers = fault.get("headers", HANDSHAKE)
        bad, good = (
            fault | {"query": query, "headers": headers | {"Authorization": f"Bearer {token}"}}
            for token in ("nonsense", member.token)
        )
        found, body, answered = ask(server, path, **bad)
        assert (found, body["code"], set(body)) == (401, "TOKEN_INVALID", {"code", "detail"}), (name, path)
        assert answered["www-authenticate"].startswith("bearer"), (name, path)
        found, body, _ = ask(server, path, **good)
        code = "FORBIDDEN" if status == 403 else "BAD_HANDSHAKE"
        assert (found, body["code"]) == (status, code), (name, path, body)


def test_a_bad_token_is_found_wherever_a_handshake_that_fails_brings_it(server: Server) -> None:
    broken = without("Sec-WebSocket-Key")
    ways = (
        broken | {"query": "token=nonsense"},
        {"headers": broken["headers"] | {"Sec-WebSocket-Protocol": "bearer, nonsense"}},
        altered(Authorization="Bearer " + "x" * 9000),
    )
    for way, path in itertools.product(ways, PATHS):
        status, body, _ = ask(server, path, **way)
        assert (status, body["code"]) == (401, "TOKEN_INVALID"), path


def test_who_shows_nothing_is_told_to_log_in_where_no_message_could_do_it(server: Server) -> None:
    for path, expected in (("/ws", 401), ("/livestore?storeId=mine", 401), ("/sync", 426)):
        status, body, headers = ask(server, path, headers={"Host": "127.0.0.1"})
        assert status == expected, (path, body)
        assert body["code"] == ("AUTH_REQUIRED" if expected == 401 else "BAD_HANDSHAKE")
    assert headers["upgrade"] == "websocket"


def test_an_upgrade_that_goes_wrong_elsewhere_is_an_ordinary_request(server: Server) -> None:
    broken = without("Sec-WebSocket-Key")["headers"] | {"Connection": "upgrade, close", "Accept": "*/*"}
    for path, expected in (("/healthz", 200), ("/nothing", 404)):
        assert ask(server, path, headers=broken)[0] == expected


@pytest.mark.parametrize(("status", "code"), [(401, 4401), (403, 4403), (404, 4404)])
def test_a_server_that_cannot_answer_accepts_and_closes(status: int, code: int) -> None:
    messages = refusal({"type": "websocket", "extensions": {}}, status, "CODE", "Sentence.")
    assert [m["type"] for m in messages] == ["websocket.accept", "websocket.close"]
    assert messages[1]["code"] == code
