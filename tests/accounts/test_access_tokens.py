"""Access tokens on REST: the accepted ones. Refused ones are in tests/attacks.py."""

from __future__ import annotations

import time
import uuid
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import AuthSession
from accounts.tokens import issue_access
from tests.factories import SessionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def session() -> AuthSession:
    return SessionFactory.create()


def claims_of(session: AuthSession, **changes: Any) -> dict[str, Any]:
    """Return valid claims with some changed. A change to None leaves the claim out."""
    now = int(time.time())
    claims = {
        "iss": "backline",
        "aud": "backline-api",
        "sub": str(session.user_id),
        "user_id": str(session.user_id),
        "discord_id": session.user.discord_id,
        "username": session.user.username,
        "sid": str(session.pk),
        "token_type": "access",
        "iat": now,
        "exp": now + 900,
        "jti": uuid.uuid4().hex,
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def sign(claims: dict[str, Any], *, key: str | None = None, algorithm: str = "HS256", **headers: Any) -> str:
    return jwt.encode(claims, key or django_settings.JWT_SECRET, algorithm=algorithm, headers=headers)


def ask_me(token: str) -> Any:
    return Client().get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})


def test_a_good_token_says_who_calls(session: AuthSession) -> None:
    response = ask_me(sign(claims_of(session)))
    assert response.status_code == 200
    assert response.json() == {
        "id": str(session.user.pk),
        "discord_id": session.user.discord_id,
        "username": session.user.username,
        "display_name": session.user.display_name,
        "avatar_url": None,
    }


def test_an_issued_token_holds_every_required_claim(session: AuthSession) -> None:
    token, expires_at = issue_access(session)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == claims_of(session, iat=claims["iat"], exp=claims["exp"], jti=claims["jti"])
    assert claims["exp"] == int(expires_at.timestamp()) == claims["iat"] + 900


def test_a_refusal_names_the_scheme() -> None:
    assert ask_me("nonsense").headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("seconds", "code"), [(5, None), (15, "TOKEN_EXPIRED")])
def test_ten_seconds_of_difference_between_clocks_are_forgiven(
    seconds: int, code: str | None, session: AuthSession
) -> None:
    now = int(time.time())
    response = ask_me(sign(claims_of(session, iat=now - 900, exp=now - seconds)))
    assert response.status_code == (401 if code else 200)
    assert response.json().get("code") == code


@pytest.mark.parametrize(("seconds", "status"), [(5, 200), (20, 401)])
def test_a_token_of_a_fast_clock_is_forgiven_ten_seconds(
    seconds: int, status: int, session: AuthSession
) -> None:
    assert ask_me(sign(claims_of(session, iat=int(time.time()) + seconds))).status_code == status


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "AUTH_REQUIRED"),
        ("Basic dXNlcjpwYXNz", "AUTH_REQUIRED"),
        ("Bearer", "TOKEN_INVALID"),
        ("Bearer ", "TOKEN_INVALID"),
        ("Bearer two words", "TOKEN_INVALID"),
    ],
)
def test_a_header_without_a_token_is_401(header: str, code: str) -> None:
    response = Client().get("/api/auth/me", headers={"Authorization": header} if header else {})
    assert (response.status_code, response.json()["code"]) == (401, code)


def test_the_scheme_is_read_without_case(session: AuthSession) -> None:
    header = {"Authorization": f"bearer {sign(claims_of(session))}"}
    assert Client().get("/api/auth/me", headers=header).status_code == 200


def test_a_call_with_a_token_costs_one_query(
    session: AuthSession, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token = sign(claims_of(session))
    with django_assert_num_queries(1):
        assert ask_me(token).status_code == 200
