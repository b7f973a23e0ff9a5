"""Access tokens on REST: what is let in, and every attack refused with 401 and the right code."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from accounts.models import AuthSession
from accounts.tokens import issue_access
from tests.factories import SessionFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def session() -> AuthSession:
    return SessionFactory.create()


def claims_of(session: AuthSession, **changes: Any) -> dict[str, Any]:
    """Good claims, some changed; a change to None leaves the claim out."""
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


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


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


Attack = Callable[[AuthSession], str]


def without(claim: str) -> Attack:
    return lambda session: sign(claims_of(session, **{claim: None}))


ATTACKS: dict[str, Attack] = {
    "no JWT": lambda session: "hello",
    "empty parts": lambda session: "..",
    "bytes of no alphabet": lambda session: "é\x7f.ü.ö",
    "a megabyte": lambda session: "a" * 20_000,
    "alg none": lambda session: f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims_of(session))}.",
    "alg None": lambda session: f"{part({'alg': 'None', 'typ': 'JWT'})}.{part(claims_of(session))}.",
    "HS512 with our key": lambda session: sign(claims_of(session), algorithm="HS512"),
    "HS256 with another key": lambda session: sign(claims_of(session), key="x" * 48),
    "a key named in the header": lambda session: sign(
        claims_of(session), key="x" * 48, jku="http://127.0.0.1/keys", kid="../../dev/null"
    ),
    "payload changed": lambda session: ".".join(
        [
            (token := sign(claims_of(session)).split("."))[0],
            part(claims_of(session, username="root")),
            token[2],
        ]
    ),
    "signature cut": lambda session: sign(claims_of(session))[:-4],
    "another issuer": lambda session: sign(claims_of(session, iss="elsewhere")),
    "another audience": lambda session: sign(claims_of(session, aud="backline-bot")),
    "two audiences": lambda session: sign(claims_of(session, aud=["backline-api", "backline-bot"])),
    "a refresh token's type": lambda session: sign(claims_of(session, token_type="refresh")),
    "not yet issued": lambda session: sign(claims_of(session, iat=int(time.time()) + 60)),
    "not yet valid": lambda session: sign(claims_of(session, nbf=int(time.time()) + 60)),
    "sub and user_id differ": lambda session: sign(claims_of(session, sub="999")),
    "user_id is no number": lambda session: sign(claims_of(session, sub="root", user_id="root")),
    "user_id beyond a bigint": lambda session: sign(claims_of(session, sub="9" * 30, user_id="9" * 30)),
    "user_id is a number": lambda session: sign(claims_of(session, user_id=session.user_id)),
    "sid is no UUID": lambda session: sign(claims_of(session, sid="1 OR 1=1")),
    "sid is a list": lambda session: sign(claims_of(session, sid=[str(session.pk)])),
    "exp is a word": lambda session: sign(claims_of(session, exp="soon")),
    "exp is a list": lambda session: sign(claims_of(session, exp=[1])),
    "exp beyond the calendar": lambda session: sign(claims_of(session, exp=10**30)),
    "exp at the calendar's end": lambda session: sign(claims_of(session, exp=253_402_300_795)),
    "exp is infinite": lambda session: sign(claims_of(session, exp=float("inf"))),
    "iat beyond the calendar": lambda session: sign(claims_of(session, iat=-(10**30))),
    **{
        f"without {name}": without(name)
        for name in (
            "iss",
            "aud",
            "sub",
            "user_id",
            "discord_id",
            "username",
            "sid",
            "token_type",
            "iat",
            "exp",
            "jti",
        )
    },
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_a_forged_token_is_refused_as_invalid(attack: Attack, session: AuthSession) -> None:
    response = ask_me(attack(session))
    assert (response.status_code, response.json()["code"]) == (401, "TOKEN_INVALID")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_of_somebody_elses_session_is_invalid(session: AuthSession) -> None:
    stranger = UserFactory.create()
    forged = claims_of(session, sub=str(stranger.pk), user_id=str(stranger.pk))
    response = ask_me(sign(forged))
    assert (response.status_code, response.json()["code"]) == (401, "TOKEN_INVALID")


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


def test_a_revoked_session_is_told(session: AuthSession) -> None:
    token = sign(claims_of(session))
    AuthSession.objects.filter(pk=session.pk).update(revoked_at=timezone.now())
    response = ask_me(token)
    assert (response.status_code, response.json()["code"]) == (401, "SESSION_REVOKED")


def test_a_session_that_was_deleted_counts_as_revoked(session: AuthSession) -> None:
    token = sign(claims_of(session))
    AuthSession.objects.filter(pk=session.pk).delete()
    assert ask_me(token).json()["code"] == "SESSION_REVOKED"  # type: ignore[attr-defined]


@pytest.mark.parametrize("gone", ["inactive", "deleted"])
def test_a_user_who_is_gone_is_told(gone: str, session: AuthSession) -> None:
    token = sign(claims_of(session))
    if gone == "deleted":
        session.user.delete()
    else:
        session.user.is_active = False
        session.user.save()
    response = ask_me(token)
    assert (response.status_code, response.json()["code"]) == (401, "USER_NOT_FOUND")


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


def test_a_call_with_a_token_costs_one_query(session: AuthSession, django_assert_num_queries: Any) -> None:
    token = sign(claims_of(session))
    with django_assert_num_queries(1):
        assert ask_me(token).status_code == 200
