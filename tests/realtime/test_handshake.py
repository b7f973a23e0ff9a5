"""Who may open a socket: the first credential present decides."""

from __future__ import annotations

import itertools
import json
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
from tests.server import Server

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
        {"code": "TOKEN_EXPIRED", "detail": "This token has expired. Ask for a new one."},
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


@pytest.mark.parametrize(("status", "code"), [(401, 4401), (403, 4403), (404, 4404)])
def test_a_server_that_cannot_answer_accepts_and_closes(status: int, code: int) -> None:
    messages = refusal({"type": "websocket", "extensions": {}}, status, "CODE", "Sentence.")
    assert [m["type"] for m in messages] == ["websocket.accept", "websocket.close"]
    assert messages[1]["code"] == code
