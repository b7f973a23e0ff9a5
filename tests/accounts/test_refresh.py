"""Refresh tokens: single use, the same successor for tabs that race, and theft ends the session."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.domain.sessions import REPLAY_SECONDS, issue_pair, revoke_session
from accounts.models import AuthSession, RefreshChain
from tests.factories import SessionFactory

pytestmark = pytest.mark.both_databases


@pytest.fixture
def session(db: None) -> AuthSession:
    return SessionFactory.create()


def refresh(token: Any) -> Any:
    return Client().post("/api/auth/token/refresh", {"refresh": token}, content_type="application/json")


def is_live(session: AuthSession) -> bool:
    session.refresh_from_db()
    return session.revoked_at is None


def let_the_replay_pass() -> None:
    earlier = timezone.now() - timedelta(seconds=REPLAY_SECONDS + 1)
    RefreshChain.objects.update(rotated_at=earlier)


def test_a_refresh_token_gets_a_pair_that_works(session: AuthSession) -> None:
    first = refresh(issue_pair(session).refresh)
    assert first.status_code == 200
    assert set(first.json()) == {"access", "refresh", "expires_at"}
    header = {"Authorization": f"Bearer {first.json()['access']}"}
    assert Client().get("/api/auth/me", headers=header).status_code == 200
    let_the_replay_pass()
    assert refresh(first.json()["refresh"]).status_code == 200


def test_a_spent_token_within_ten_seconds_gets_the_same_child(session: AuthSession) -> None:
    pair = issue_pair(session)
    children = {refresh(pair.refresh).json()["refresh"] for _ in range(3)}
    assert len(children) == 1
    assert is_live(session)


def test_a_spent_token_used_later_ends_the_session(session: AuthSession) -> None:
    pair = issue_pair(session)
    child = refresh(pair.refresh).json()
    let_the_replay_pass()
    stolen = refresh(pair.refresh)
    assert (stolen.status_code, stolen.json()["code"]) == (401, "SESSION_REVOKED")
    assert not is_live(session)
    assert refresh(child["refresh"]).json()["code"] == "SESSION_REVOKED"
    header = {"Authorization": f"Bearer {child['access']}"}
    assert Client().get("/api/auth/me", headers=header).json()["code"] == "SESSION_REVOKED"


def test_a_token_two_generations_back_ends_the_session_at_once(session: AuthSession) -> None:
    pair = issue_pair(session)
    refresh(refresh(pair.refresh).json()["refresh"])
    assert refresh(pair.refresh).status_code == 401
    assert not is_live(session)


def test_a_replay_of_a_revoked_session_gets_nothing(session: AuthSession) -> None:
    pair = issue_pair(session)
    refresh(pair.refresh)
    revoke_session(session)
    assert refresh(pair.refresh).json()["code"] == "SESSION_REVOKED"


def test_the_pairs_of_one_session_do_not_spend_each_other(session: AuthSession) -> None:
    one, other = issue_pair(session), issue_pair(session)
    assert refresh(one.refresh).status_code == 200
    let_the_replay_pass()
    assert refresh(other.refresh).status_code == 200
    assert is_live(session)


def test_nothing_that_could_be_replayed_is_stored(session: AuthSession) -> None:
    child = refresh(issue_pair(session).refresh).json()["refresh"]
    chain = RefreshChain.objects.get()
    stored = " ".join(str(getattr(chain, field.attname)) for field in RefreshChain._meta.concrete_fields)
    assert child.split(".")[2] not in stored


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        ("nonsense", 401, "TOKEN_INVALID"),
        ("", 400, "INVALID_INPUT"),
        (None, 400, "INVALID_INPUT"),
        (["a"], 400, "INVALID_INPUT"),
        (5, 400, "INVALID_INPUT"),
    ],
)
def test_what_is_no_refresh_token_is_refused(db: None, token: Any, status: int, code: str) -> None:
    response = refresh(token)
    assert (response.status_code, response.json()["code"]) == (status, code)


@pytest.mark.parametrize("body", ["[]", "null", "{", '"text"', '{"refresh": "\\ud800"}'])
def test_a_body_that_is_no_object_is_400(db: None, body: str) -> None:
    response = Client().post("/api/auth/token/refresh", body, content_type="application/json")
    assert response.status_code == 400


@pytest.mark.django_db(transaction=True)
def test_eight_refreshes_at_once_agree_on_one_child(in_threads: Callable[..., list[Any]]) -> None:
    session = SessionFactory.create()
    pair = issue_pair(session)
    answers = in_threads(8, lambda n: refresh(pair.refresh))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.json()["refresh"] for answer in answers}) == 1
    assert RefreshChain.objects.get().generation == 1
    assert is_live(session)
