"""Service tokens: valid once, for a minute, and only for the Bot API. Refused ones are in tests/attacks.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import service_tokens
from accounts.errors import TokenInvalid
from accounts.models import UsedServiceToken

pytestmark = pytest.mark.django_db


def test_a_service_token_is_good_once() -> None:
    token = service_tokens.issue()
    service_tokens.spend(token)
    with pytest.raises(TokenInvalid):
        service_tokens.spend(token)


def test_a_service_token_is_refused_on_the_web_and_stays_unspent() -> None:
    token = service_tokens.issue()
    response = Client().get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert (response.status_code, response.json()["code"]) == (401, "TOKEN_INVALID")
    service_tokens.spend(token)


def test_spent_tokens_are_forgotten_when_they_could_no_longer_be_used() -> None:
    for _ in range(3):
        service_tokens.spend(service_tokens.issue())
    UsedServiceToken.objects.update(expires_at="2026-01-01T00:00Z")
    service_tokens.spend(service_tokens.issue())
    assert UsedServiceToken.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_of_eight_at_once_one_spends_the_token(in_threads: Callable[..., list[Any]]) -> None:
    token = service_tokens.issue()

    def spend(n: int) -> bool:
        try:
            service_tokens.spend(token)
        except TokenInvalid:
            return False
        return True

    assert sum(in_threads(8, spend)) == 1
