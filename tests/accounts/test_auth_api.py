"""`/api/auth`: tokens for a cookie, logout, and that cookie and tokens end together."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuthSession, User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return UserFactory.create()


@pytest.fixture
def browser(user: User) -> Client:
    """A logged-in browser whose CSRF token is checked, as a real one's is."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    client.get("/")
    return client


def post(browser: Client, path: str, *, csrf: bool = True) -> Any:
    headers = {"X-CSRFToken": browser.cookies["csrftoken"].value} if csrf else {}
    return browser.post(path, content_type="application/json", headers=headers)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_cookie_gets_tokens_of_its_own_session(browser: Client, user: User) -> None:
    response = post(browser, "/api/auth/token")
    assert response.status_code == 200
    assert Client().get("/api/auth/me", headers=bearer(response.json()["access"])).json()["id"] == str(
        user.pk
    )
    assert AuthSession.objects.count() == 1


def test_tokens_need_the_csrf_token(browser: Client) -> None:
    response = post(browser, "/api/auth/token", csrf=False)
    assert (response.status_code, response.json()["code"]) == (403, "CSRF_FAILED")


def test_tokens_need_a_cookie() -> None:
    response = Client().post("/api/auth/token")
    assert (response.status_code, response.json()["code"]) == (401, "AUTH_REQUIRED")


def test_a_bearer_token_gets_no_new_tokens(browser: Client) -> None:
    access = post(browser, "/api/auth/token").json()["access"]
    assert (
        Client().post("/api/auth/token", content_type="application/json", headers=bearer(access)).status_code
        == 401
    )


def test_a_cookie_of_a_revoked_session_is_nobodys(browser: Client) -> None:
    AuthSession.objects.update(revoked_at=timezone.now())
    response = browser.get("/api/auth/me")
    assert (response.status_code, response.json()["code"]) == (401, "AUTH_REQUIRED")


def test_a_cookie_of_a_deactivated_user_is_nobodys(browser: Client, user: User) -> None:
    User.objects.update(is_active=False)
    assert browser.get("/api/auth/me").status_code == 401


def test_a_cookie_without_a_session_row_is_nobodys(browser: Client) -> None:
    store = browser.session
    del store["sid"]
    store.save()
    assert browser.get("/api/auth/me").status_code == 401
    assert post(browser, "/api/auth/token").status_code == 401


def test_logout_ends_cookie_and_tokens(browser: Client) -> None:
    pair = post(browser, "/api/auth/token").json()
    response = post(browser, "/api/auth/logout")
    assert (response.status_code, response.json()) == (200, {"message": "Logged out"})
    assert response.cookies["session"].value == ""
    assert browser.get("/api/auth/me").status_code == 401
    assert Client().get("/api/auth/me", headers=bearer(pair["access"])).json()["code"] == "SESSION_REVOKED"
    spent = Client().post(
        "/api/auth/token/refresh", {"refresh": pair["refresh"]}, content_type="application/json"
    )
    assert spent.json()["code"] == "SESSION_REVOKED"


def test_logout_with_a_token_ends_the_cookie_too(browser: Client) -> None:
    access = post(browser, "/api/auth/token").json()["access"]
    assert (
        Client().post("/api/auth/logout", content_type="application/json", headers=bearer(access)).status_code
        == 200
    )
    assert browser.get("/api/auth/me").status_code == 401


def test_logout_needs_a_login_and_from_a_cookie_the_csrf_token(browser: Client) -> None:
    assert Client().post("/api/auth/logout").status_code == 401
    assert post(browser, "/api/auth/logout", csrf=False).status_code == 403
    assert browser.get("/api/auth/me").status_code == 200


def test_one_logout_leaves_the_persons_other_session(browser: Client, user: User) -> None:
    other = Client()
    other.force_login(user)
    post(browser, "/api/auth/logout")
    assert other.get("/api/auth/me").status_code == 200
