"""The table of attacks on REST, on the refresh endpoint and on the Bot API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client, override_settings

from tests.attacks import attacks, good

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

Present = Callable[[str], Any]
CLIENT = Client()  # none of these responses sets a cookie; each new client would load the middleware again


def to_rest(token: str) -> Any:
    return CLIENT.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})


def to_refresh(token: str) -> Any:
    return CLIENT.post("/api/auth/token/refresh", {"refresh": token}, content_type="application/json")


def to_bot_api(token: str) -> Any:
    with override_settings(ROOT_URLCONF=django_settings.BOT_API_URLCONF):
        return CLIENT.get("/internal/status", headers={"Authorization": f"Bearer {token}"})


SURFACES: dict[str, tuple[str, Present]] = {
    "REST": ("access", to_rest),
    "refresh": ("refresh", to_refresh),
    "Bot API": ("service", to_bot_api),
}


@pytest.mark.parametrize(("kind", "present"), SURFACES.values(), ids=SURFACES)
def test_every_attack_is_401_with_its_code(kind: str, present: Present) -> None:
    expected, answered = {}, {}
    for name, (token, code) in attacks(kind).items():
        response = present(token)
        expected[name] = (401, code)
        answered[name] = (response.status_code, response.json().get("code"))
    assert answered == expected


@pytest.mark.parametrize(("kind", "present"), SURFACES.values(), ids=SURFACES)
def test_what_differs_by_ten_seconds_at_most_is_taken(kind: str, present: Present) -> None:
    answered = {name: present(token).status_code for name, token in good(kind).items()}
    assert set(answered.values()) == {200}, answered
