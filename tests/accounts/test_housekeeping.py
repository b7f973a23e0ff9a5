"""Rows that are no longer usable are deleted, and usable ones stay."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.domain import housekeeping
from accounts.domain.housekeeping import forget_the_past
from accounts.domain.sessions import begin_sync_session, issue_pair, live_sessions, refresh_pair
from accounts.errors import TokenExpired
from accounts.models import AuthSession, OneTimeStep, RefreshChain, UsedServiceToken
from realtime import housekeeping as daily
from tests.factories import SessionFactory
from tests.waiting import eventually

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def session(**changes: Any) -> AuthSession:
    made: AuthSession = SessionFactory.create()
    AuthSession.objects.filter(pk=made.pk).update(**changes)
    made.refresh_from_db()
    return made


def ago(**time: float) -> Any:
    return timezone.now() - timedelta(**time)


def test_a_session_ended_a_month_ago_goes_and_its_chains_with_it() -> None:
    gone, kept = session(), session()
    for each in (gone, kept):
        refresh_pair(issue_pair(each).refresh)
    AuthSession.objects.filter(pk=gone.pk).update(revoked_at=ago(days=31))
    AuthSession.objects.filter(pk=kept.pk).update(revoked_at=ago(days=29))
    assert forget_the_past()["sessions"] == 1
    assert AuthSession.objects.get() == kept
    assert RefreshChain.objects.get().session == kept


def test_a_session_is_ended_when_nothing_of_it_can_be_good_any_more() -> None:
    used, unused = session(last_seen_at=ago(days=6.9)), session(last_seen_at=ago(days=7.1))
    _, sync = begin_sync_session(used.user, store="app:notes", device="", address=None)
    AuthSession.objects.filter(pk=sync.pk).update(last_seen_at=ago(days=29), created_at=ago(days=29))
    _, old = begin_sync_session(used.user, store="app:notes", device="", address=None)
    AuthSession.objects.filter(pk=old.pk).update(created_at=ago(days=31))
    listed = set(live_sessions(used.user))
    assert forget_the_past()["sessions ended"] == 2
    assert set(AuthSession.objects.filter(revoked_at=None)) == {used, sync} == listed
    unused.refresh_from_db()
    assert unused.revoked_at is not None


def test_a_refresh_is_a_use(settings: LazySettings) -> None:
    settings.REFRESH_TOKEN_SECONDS = 90 * 86_400
    made = session(last_seen_at=ago(days=60))
    refresh_pair(issue_pair(made).refresh)
    made.refresh_from_db()
    assert made.last_seen_at > ago(minutes=1)


def test_a_chain_goes_when_all_its_tokens_have_expired() -> None:
    made = session()
    for _ in range(2):
        refresh_pair(issue_pair(made).refresh)
    old = RefreshChain.objects.all()[0]
    RefreshChain.objects.filter(pk=old.pk).update(rotated_at=ago(days=8, hours=1))
    assert forget_the_past()["refresh chains"] == 1
    assert not RefreshChain.objects.filter(pk=old.pk).exists()
    assert RefreshChain.objects.count() == 1


def test_a_spent_token_does_not_come_back_when_refresh_tokens_are_made_to_live_shorter(
    settings: LazySettings,
) -> None:
    pair = issue_pair(session())
    settings.REFRESH_TOKEN_SECONDS = -20
    with pytest.raises(TokenExpired):
        refresh_pair(pair.refresh)


def test_rows_of_service_tokens_and_of_browsers_go_when_they_expire() -> None:
    for expires_at in (ago(seconds=1), timezone.now() + timedelta(minutes=1)):
        UsedServiceToken.objects.create(jti=uuid.uuid4().hex, expires_at=expires_at)
        browser = Client()
        browser.get("/api/auth/discord/login")  # stores the OAuth state in a row
        Session.objects.filter(pk=browser.cookies["session"].value).update(expire_date=expires_at)
    counts = forget_the_past()
    assert (counts["service tokens"], counts["browser sessions"]) == (1, 1)
    assert (UsedServiceToken.objects.count(), Session.objects.count()) == (1, 1)


def test_a_step_of_a_login_is_forgotten_long_after_its_state_expired() -> None:
    for number, begun_at in enumerate((ago(days=2), ago(hours=1))):
        OneTimeStep.objects.create(step=str(number), proof="", claimed_until=begun_at, begun_at=begun_at)
    assert forget_the_past()["login steps"] == 1
    assert OneTimeStep.objects.get().step == "1"


def test_a_pass_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "BATCH", 2)
    monkeypatch.setattr(housekeeping, "MAX_BATCHES", 2)
    for _ in range(5):
        session(revoked_at=ago(days=31))
    assert [forget_the_past()["sessions"] for _ in range(3)] == [4, 1, 0]


def test_the_command_says_what_went() -> None:
    session(revoked_at=ago(days=31))
    output = StringIO()
    call_command("housekeeping", stdout=output)
    assert "      1 sessions\n" in output.getvalue()


@pytest.mark.django_db(transaction=True)
def test_it_runs_beside_the_servers_until_they_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daily, "FIRST_SECONDS", 0.01)
    session(revoked_at=ago(days=31))

    async def gone() -> bool:
        return not await AuthSession.objects.aexists()

    async def run() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(daily.keep_house(stop))
        await eventually(gone)
        stop.set()
        await asyncio.wait_for(task, 10)

    asyncio.run(run())
