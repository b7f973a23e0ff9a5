"""Sync tokens: valid for one store and thirty days, listed, revocable, and useless elsewhere."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.domain.sessions import (
    authenticate_access,
    authenticate_sync,
    begin_sync_session,
    find_live_session,
    revoke_session,
)
from accounts.errors import SessionRevoked, TokenExpired, TokenInvalid, Unauthenticated, UserNotFound
from accounts.models import AuthSession, User
from accounts.tokens import claims_sync, issue_access
from tests.factories import SessionFactory, UserFactory

pytestmark = pytest.mark.django_db

MONTH = timedelta(days=30)


@pytest.fixture
def user() -> User:
    return UserFactory.create()


def sync_token(user: User, store: str = "app:notes") -> tuple[str, AuthSession]:
    return begin_sync_session(user, store=store, device="My laptop", address="203.0.113.9")


def test_a_sync_token_says_whose_it_is_and_for_which_store(
    user: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token, session = sync_token(user)
    with django_assert_num_queries(1):
        principal = authenticate_sync(token)
    assert (principal.user, principal.session, principal.store) == (user, session, "app:notes")
    assert principal.expires_at is not None
    assert timedelta(0) <= session.created_at + MONTH - principal.expires_at < timedelta(seconds=1)


def test_it_holds_every_claim_of_an_access_token_and_the_store(user: User) -> None:
    token, session = sync_token(user)
    claims = jwt.decode(token, options={"verify_signature": False})
    known = jwt.decode(issue_access(SessionFactory.create(user=user))[0], options={"verify_signature": False})
    assert set(claims) == {*known, "store"}
    assert {name: claims[name] for name in ("iss", "aud", "token_type", "store", "sid")} == {
        "iss": "backline",
        "aud": "backline-sync",
        "token_type": "sync",
        "store": "app:notes",
        "sid": str(session.pk),
    }
    assert claims["exp"] - claims["iat"] == 30 * 24 * 3600


def test_it_is_good_for_neither_rest_nor_refresh_nor_a_cookie(user: User) -> None:
    token, session = sync_token(user)
    me = Client().get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    refreshed = Client().post("/api/auth/token/refresh", {"refresh": token}, content_type="application/json")
    for response in (me, refreshed):
        assert (response.status_code, response.json()["code"]) == (401, "TOKEN_INVALID")
    browser = Client()
    browser.force_login(user)
    stored = browser.session
    stored["sid"] = str(session.pk)
    stored.save()
    assert browser.get("/dashboard").status_code == 302
    with pytest.raises(SessionRevoked):
        find_live_session(session.pk)


def test_an_access_token_forged_for_its_session_is_invalid(user: User) -> None:
    _, session = sync_token(user)
    with pytest.raises(TokenInvalid):
        authenticate_access(issue_access(session)[0])


def test_what_a_token_says_it_is_decides_how_it_is_read(user: User) -> None:
    (sync, _), (access, _) = sync_token(user), issue_access(SessionFactory.create(user=user))
    assert claims_sync(sync)
    deep = base64.urlsafe_b64encode(b"[" * 2500).decode().rstrip("=")
    for other in (access, "", "x.y.z", "é.\ud800.", f"{sync.partition('.')[0]}.{deep}.x", sync + "x" * 4096):
        assert not claims_sync(other)


def test_without_a_store_there_is_no_sync_token(user: User) -> None:
    with pytest.raises(ValueError, match="one store"):
        begin_sync_session(user, store="", device="", address=None)
    assert not AuthSession.objects.exists()


@pytest.mark.parametrize("store", ["app:other", "", 5, None, ["app:notes"]])
def test_another_store_cannot_be_claimed(store: Any, user: User) -> None:
    claims = jwt.decode(sync_token(user)[0], options={"verify_signature": False}) | {"store": store}
    with pytest.raises(TokenInvalid):
        authenticate_sync(jwt.encode(claims, django_settings.JWT_SECRET, algorithm="HS256"))


def test_it_runs_out_after_thirty_days_without_any_grace(user: User) -> None:
    token, _ = sync_token(user)
    claims = jwt.decode(token, options={"verify_signature": False})
    for past, good in ((-5, True), (-15, False)):
        aged = claims | {"iat": claims["iat"] - 30 * 24 * 3600 + past, "exp": claims["iat"] + past}
        raw = jwt.encode(aged, django_settings.JWT_SECRET, algorithm="HS256")
        if good:
            assert authenticate_sync(raw).user == user
        else:
            with pytest.raises(TokenExpired):
                authenticate_sync(raw)


@pytest.mark.parametrize(
    ("how", "error"),
    [("revoked", SessionRevoked), ("everywhere", SessionRevoked), ("inactive", UserNotFound)],
)
def test_it_ends_as_any_session_does(how: str, error: type[Unauthenticated], user: User) -> None:
    token, session = sync_token(user)
    browser = Client()
    browser.force_login(user)
    if how == "revoked":
        assert browser.delete(f"/api/auth/sessions/{session.pk}").status_code == 204
    elif how == "everywhere":
        browser.post("/api/auth/logout-all")
    else:
        User.objects.update(is_active=False)
    with pytest.raises(error):
        authenticate_sync(token)


def test_it_is_listed_with_its_store_until_it_ends(user: User) -> None:
    _, session = sync_token(user)
    browser = Client()
    browser.force_login(user)
    # A login that was unused this long would have ended. This one should end by its age only.
    AuthSession.objects.filter(pk=session.pk).update(last_seen_at=timezone.now() - timedelta(days=20))
    listed = {entry["sid"]: entry for entry in browser.get("/api/auth/sessions").json()}
    entry = listed.pop(str(session.pk))
    assert (entry["store"], entry["device"], entry["current"]) == ("app:notes", "My laptop", False)
    assert entry["expires_at"] is not None
    (login,) = listed.values()
    assert (login["store"], login["expires_at"]) == (None, None)
    page = browser.get("/sessions").content.decode()
    assert "My laptop" in page
    assert "Syncs <bdi>app:notes</bdi> until" in page
    AuthSession.objects.filter(pk=session.pk).update(created_at=timezone.now() - timedelta(days=31))
    assert len(browser.get("/api/auth/sessions").json()) == 1


def test_a_revoked_one_is_listed_no_more(user: User) -> None:
    _, session = sync_token(user)
    revoke_session(session)
    browser = Client()
    browser.force_login(user)
    assert [entry["store"] for entry in browser.get("/api/auth/sessions").json()] == [None]
