"""Of other origins, only those in ALLOWED_ORIGINS may call REST with credentials."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from tests.factories import UserFactory

FRONTEND = "https://app.example"


@pytest.fixture(autouse=True)
def allowed(settings: LazySettings) -> None:
    settings.CORS_ALLOWED_ORIGINS = [FRONTEND]
    settings.CSRF_TRUSTED_ORIGINS = [FRONTEND]


def preflight(origin: str, path: str = "/api/auth/me", **headers: str) -> Any:
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,x-csrftoken,idempotency-key",
    }
    return Client().options(path, headers=asked | headers)


def test_an_allowed_origin_may_ask_with_credentials() -> None:
    response = preflight(FRONTEND)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == FRONTEND
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    allowed = set(response.headers["Access-Control-Allow-Headers"].split(", "))
    assert {"authorization", "content-type", "x-csrftoken", "idempotency-key"} <= allowed
    assert "origin" in response.headers["Vary"].lower()


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.example",
        "https://app.example:8443",
        "https://sub.app.example",
        "null",
    ],
)
def test_another_origin_is_not_let_in(origin: str) -> None:
    response = preflight(origin)
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


@pytest.mark.django_db
def test_an_answer_may_be_read_by_an_allowed_origin_also_when_it_refuses() -> None:
    response = Client().get("/api/auth/me", headers={"origin": FRONTEND})
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == FRONTEND
    assert (
        "Access-Control-Allow-Origin" not in Client().get("/api/auth/me", headers={"origin": "null"}).headers
    )


def test_pages_are_for_no_other_origin() -> None:
    assert "Access-Control-Allow-Origin" not in preflight(FRONTEND, "/sessions").headers


@pytest.mark.django_db
def test_a_cookie_works_from_an_allowed_origin_with_its_csrf_token_only() -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(UserFactory.create())
    token = browser.get("/").cookies["csrftoken"].value
    for origin, headers, status in (
        (FRONTEND, {"x-csrftoken": token}, 200),
        (FRONTEND, {}, 403),
        ("https://evil.example", {"x-csrftoken": token}, 403),
        ("null", {"x-csrftoken": token}, 403),
    ):
        response = browser.post(
            "/api/auth/token", content_type="application/json", headers={"origin": origin, **headers}
        )
        assert response.status_code == status, (origin, headers)
