"""`POST /api/auth/discord/exchange`: login for clients that get the authorization code themselves."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import AuthSession, DiscordGrant, User
from guilds.models import Membership
from sandbox.seed import OWNER
from tests.accounts.conftest import Discord

pytestmark = pytest.mark.django_db(transaction=True)

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


def code_of(there: Discord, settings: LazySettings, user: str = "owner", **query: str) -> str:
    """Get a code from Discord as a mobile app does."""
    asked = {
        "client_id": settings.DISCORD_CLIENT_ID,
        "redirect_uri": settings.DISCORD_REDIRECT_URI,
        "scope": "identify guilds",
        "response_type": "code",
        "state": "x",
    }
    url = f"{there.sandbox.authorize_url}?{urlencode(asked | query)}"
    back = httpx.post(url, data={"user": user}).headers["location"]
    return parse_qs(urlsplit(back).query)["code"][0]


def exchange(**body: Any) -> Any:
    return Client().post("/api/auth/discord/exchange", body, content_type="application/json")


def test_a_code_becomes_tokens_a_person_and_no_cookie(there: Discord, settings: LazySettings) -> None:
    response = exchange(code=code_of(there, settings))
    assert response.status_code == 200
    body = response.json()
    assert set(body) == {"access", "refresh", "expires_at", "user"}
    assert (body["user"]["discord_id"], body["user"]["username"]) == (OWNER, "owner")
    assert not response.cookies
    me = Client().get("/api/auth/me", headers={"Authorization": f"Bearer {body['access']}"})
    assert me.json() == body["user"]
    assert Membership.objects.filter(user__discord_id=OWNER).count() == 2
    grant = DiscordGrant.objects.get()
    assert set(grant.scope.split()) == {"identify", "guilds"}
    assert grant.access_token.startswith("gAAAA"), "Fernet ciphertext"


def test_a_login_is_logged_with_person_and_session_and_without_secrets(
    there: Discord, settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    code = code_of(there, settings)
    body = exchange(code=code).json()
    session = AuthSession.objects.get()
    assert f"login.accepted surface=exchange user={session.user_id} session={session.pk}" in caplog.text
    assert not [secret for secret in (code, body["access"], body["refresh"]) if secret in caplog.text]


def test_the_tokens_belong_to_a_session_that_can_be_ended(there: Discord, settings: LazySettings) -> None:
    body = exchange(code=code_of(there, settings)).json()
    headers = {"Authorization": f"Bearer {body['access']}"}
    assert Client().post("/api/auth/logout", headers=headers).json() == {"message": "Logged out"}
    assert Client().get("/api/auth/me", headers=headers).json()["code"] == "SESSION_REVOKED"


def test_a_proof_key_is_checked(there: Discord, settings: LazySettings) -> None:
    good, without, wrong = (code_of(there, settings, **PKCE) for _ in range(3))
    assert exchange(code=good, code_verifier=VERIFIER).status_code == 200
    for refused in (exchange(code=without), exchange(code=wrong, code_verifier="w" * 43)):
        assert (refused.status_code, refused.json()["code"]) == (400, "CODE_REFUSED")


def test_a_code_is_good_once(there: Discord, settings: LazySettings) -> None:
    code = code_of(there, settings)
    assert exchange(code=code).status_code == 200
    again = exchange(code=code)
    assert (again.status_code, again.json()["code"]) == (400, "CODE_REFUSED")
    assert AuthSession.objects.count() == 1


def test_an_allowed_redirect_uri_is_handed_on(there: Discord, settings: LazySettings) -> None:
    app = "http://127.0.0.1:5555/back"
    settings.EXCHANGE_REDIRECT_URIS = [settings.DISCORD_REDIRECT_URI, app]
    there.sandbox.redirect_uris.append(app)
    assert exchange(code=code_of(there, settings, redirect_uri=app), redirect_uri=app).status_code == 200
    other = exchange(code=code_of(there, settings, redirect_uri=app))
    assert (other.status_code, other.json()["code"]) == (400, "CODE_REFUSED")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "code"),
        ({"code": ""}, "code"),
        ({"code": ["a"]}, "code"),
        ({"code": "a\0b"}, "code"),
        ({"code": "x", "redirect_uri": "http://evil.example/"}, "redirect_uri"),
        ({"code": "x", "code_verifier": "short"}, "code_verifier"),
    ],
)
def test_what_is_no_exchange_is_400_by_field(body: dict[str, Any], field: str) -> None:
    response = exchange(**body)
    assert (response.status_code, response.json()["code"]) == (400, "INVALID_INPUT")
    assert list(response.json()["errors"]) == [field]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "http_status", "status": 500, "count": 9}, 502, "DISCORD_FAILED"),
        ({"kind": "http_status", "status": 401, "count": 1}, 502, "DISCORD_REFUSED"),
        ({"kind": "rate_limit", "retry_after": 30, "count": 9}, 502, "DISCORD_RATE_LIMITED"),
    ],
)
def test_a_discord_that_fails_is_told_in_json(
    fault: dict[str, object], status: int, code: str, there: Discord, settings: LazySettings
) -> None:
    held = code_of(there, settings)
    there.fault(path="/users/@me$", **fault)
    response = exchange(code=held)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert not User.objects.exists()


def test_a_closed_account_gets_no_tokens(there: Discord, settings: LazySettings) -> None:
    User.objects.create(discord_id=OWNER, username="owner", is_active=False)
    response = exchange(code=code_of(there, settings))
    assert (response.status_code, response.json()["code"]) == (401, "USER_NOT_FOUND")
    assert not AuthSession.objects.exists()
