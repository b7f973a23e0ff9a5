"""Service tokens: good once, for a minute, and only on the Bot API."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings
from django.test import Client

from accounts import service_tokens
from accounts.domain.sessions import issue_pair
from accounts.errors import AccountsError, TokenExpired, TokenInvalid
from accounts.models import UsedServiceToken
from tests.factories import SessionFactory

pytestmark = pytest.mark.django_db


def sign(**changes: Any) -> str:
    now = int(time.time())
    claims = {
        "iss": "backline",
        "aud": "backline-bot",
        "token_type": "service",
        "iat": now,
        "exp": now + 60,
        "jti": uuid.uuid4().hex,
    }
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(claims, service_tokens._key(django_settings.JWT_SECRET), algorithm="HS256")


def test_a_service_token_is_good_once() -> None:
    token = service_tokens.issue()
    service_tokens.spend(token)
    with pytest.raises(TokenInvalid):
        service_tokens.spend(token)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"exp": int(time.time()) - 15, "iat": int(time.time()) - 60}, TokenExpired),
        ({"exp": int(time.time()) + 120}, TokenInvalid),
        ({"aud": "backline-api"}, TokenInvalid),
        ({"token_type": "access"}, TokenInvalid),
        ({"iss": "elsewhere"}, TokenInvalid),
        ({"jti": None}, TokenInvalid),
        ({"jti": ""}, TokenInvalid),
        ({"jti": 5}, TokenInvalid),
        ({"jti": "x" * 65}, TokenInvalid),
        ({"jti": "a\0b"}, TokenInvalid),
        ({"iat": None}, TokenInvalid),
        ({"exp": None}, TokenInvalid),
        ({"exp": str(int(time.time()) + 30)}, TokenInvalid),
        ({"iat": str(int(time.time()))}, TokenInvalid),
        ({"exp": True}, TokenInvalid),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value.__name__,
)
def test_a_bad_service_token_is_refused(changes: dict[str, Any], error: type[AccountsError]) -> None:
    with pytest.raises(error):
        service_tokens.spend(sign(**changes))


def test_the_key_of_user_tokens_signs_no_service_token() -> None:
    claims = jwt.decode(sign(), options={"verify_signature": False})
    with pytest.raises(TokenInvalid):
        service_tokens.spend(jwt.encode(claims, django_settings.JWT_SECRET, algorithm="HS256"))


def test_a_service_token_is_refused_on_the_web_and_stays_unspent() -> None:
    token = service_tokens.issue()
    response = Client().get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert (response.status_code, response.json()["code"]) == (401, "TOKEN_INVALID")
    service_tokens.spend(token)


def test_a_users_token_is_refused_on_the_bot_api() -> None:
    token = issue_pair(SessionFactory.create()).access
    with pytest.raises(TokenInvalid):
        service_tokens.spend(token)


def test_spent_tokens_are_forgotten_when_they_could_no_longer_be_used() -> None:
    for _ in range(3):
        service_tokens.spend(service_tokens.issue())
    UsedServiceToken.objects.update(expires_at="2026-01-01T00:00Z")
    service_tokens.spend(service_tokens.issue())
    assert UsedServiceToken.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_eight_at_once_one_spends_the_token(in_threads: Callable[..., list[Any]]) -> None:
    token = service_tokens.issue()

    def spend(n: int) -> bool:
        try:
            service_tokens.spend(token)
        except TokenInvalid:
            return False
        return True

    assert sum(in_threads(8, spend)) == 1
