"""Who may open `/ws`, and when a token or a session that ends closes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import Settings
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from accounts.domain.sessions import begin_sync_session, revoke_session
from accounts.tokens import issue_sync
from streams.domain.streams import issue_token
from streams.models import Stream
from tests.server import Server
from tests.streams.device import Person, connect, make_person

pytestmark = pytest.mark.django_db(transaction=True)


def refused(server: Server, path: str = "/ws", **options: Any) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as caught:
        connect(server, path, **options)
    return caught.value.response.status_code, json.loads(caught.value.response.body or b"")


def bearer(token: str) -> dict[str, Any]:
    return {"additional_headers": {"Authorization": f"Bearer {token}"}}


# --- Who may open it ---


def test_header_subprotocol_query_and_cookie_open(server: Server, owner: Person) -> None:
    browser = Client()
    browser.force_login(owner.user)
    cookie = browser.cookies[django_settings.SESSION_COOKIE_NAME].value
    ways: list[dict[str, Any]] = [
        bearer(owner.token),
        {"subprotocols": [Subprotocol("bearer"), Subprotocol(owner.token)]},
        {"path": f"/ws?token={owner.token}"},
        {"additional_headers": {"Cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie}"}},
    ]
    for way in ways:
        with connect(server, **way) as device:
            assert device.connection.subprotocol == ("bearer" if "subprotocols" in way else None)
            answer = device.register("cam-1", produces=["video-frame"])
            assert answer["type"] == "registered"
            assert (answer["streamId"], answer["userId"]) == ("cam-1", str(owner.user.pk))


def test_without_a_good_credential_the_upgrade_is_refused(server: Server, owner: Person) -> None:
    assert refused(server) == (401, {"code": "AUTH_REQUIRED", "detail": "Log in first."})
    for options in (
        bearer("nonsense"),
        {"subprotocols": [Subprotocol("bearer"), Subprotocol("nonsense")]},
        {"path": "/ws?token=nonsense"},
    ):
        assert refused(server, **options)[1]["code"] == "TOKEN_INVALID"
    assert refused(server, **bearer(owner.token_expiring(-60)))[1]["code"] == "TOKEN_EXPIRED"  # no grace here
    store_token, _ = begin_sync_session(owner.user, store="app:todo", device="x", address=None)
    assert refused(server, **bearer(store_token))[1]["code"] == "TOKEN_INVALID"
    revoke_session(owner.session)
    assert refused(server, **bearer(owner.token))[1]["code"] == "SESSION_REVOKED"


def test_a_foreign_origin_is_refused(server: Server, owner: Person) -> None:
    headers = {"Authorization": f"Bearer {owner.token}"}
    status, body = refused(server, additional_headers=headers | {"Origin": "https://evil.example"})
    assert (status, body["code"]) == (403, "FORBIDDEN")
    with connect(server, additional_headers=headers | {"Origin": server.url}) as device:
        assert device.register("cam-1", produces=["x"])["type"] == "registered"


def test_without_required_authentication_anybody_is_dev(server: Server, settings: Settings) -> None:
    settings.REQUIRE_AUTH = False
    for options in ({}, bearer("nonsense")):
        with connect(server, **options) as device:
            answer = device.register("cam-1", produces=["x"])
            assert answer["warning"] == {"code": "AUTH_DISABLED"}
    assert Stream.objects.get().owner.username == "dev"


def test_who_says_nothing_is_closed(server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.consumers.connection.INIT_SECONDS", 0.1)
    with owner.open(server) as device:
        assert device.close_code() == 4408


# --- Tokens and sessions that end ---


def test_a_device_token_is_good_for_its_stream_only(server: Server, owner: Person, stream: Stream) -> None:
    session = issue_token(stream, device="phone")
    with owner.open(server, issue_sync(session)) as device:
        assert device.register("cam-1", produces=["video-frame"])["type"] == "registered"
        assert device.register("cam-2", produces=["video-frame"])["code"] == "UNAUTHORIZED"
        revoke_session(session)
        assert device.until("error")["code"] == "SESSION_REVOKED"
        assert device.close_code() == 4401


def test_an_ended_session_closes_4401(server: Server, owner: Person) -> None:
    with owner.on(server, "cam-1", produces=["x"]) as device:
        revoke_session(owner.session)
        ended = device.next(seconds=1.5)
        assert isinstance(ended, dict)
        assert ended["code"] == "SESSION_REVOKED"
        assert device.close_code() == 4401


def test_a_token_is_noticed_renewed_and_closes_a_minute_after_it_expired(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.consumer.AFTER_EXPIRY_SECONDS", 0.5)
    with owner.open(server, owner.token_expiring(30)) as device:
        notice = device.next()
        assert isinstance(notice, dict)
        assert (notice["type"], notice["code"]) == ("notice", "TOKEN_EXPIRING")
        authed = device.ask({"type": "auth", "id": 7, "authToken": owner.token_expiring(300)})
        assert (authed["type"], authed["id"]) == ("authed", 7)
        device.ask({"type": "auth", "id": 8, "authToken": owner.token_expiring(1)})
        assert device.until("error")["code"] == "TOKEN_EXPIRED"
        assert device.close_code() == 4401


def test_another_persons_token_closes_4403_and_a_bad_one_4401(server: Server, owner: Person) -> None:
    for token, code in ((make_person().token, 4403), ("nonsense", 4401), (owner.token_expiring(-60), 4401)):
        with owner.open(server) as device:
            assert device.ask({"type": "auth", "authToken": token})["type"] == "error"
            assert device.close_code() == code
