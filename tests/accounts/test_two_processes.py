"""A login that ends in one process also ends in another one that shares only the database with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone
from websockets.sync.client import connect

from accounts.domain.sessions import begin_sync_session, issue_pair
from accounts.models import AuthSession, RefreshChain, User
from guilds.models import Guild
from tests.factories import GuildFactory, MembershipFactory, UserFactory
from tests.program import another_web
from tests.server import Server, Socket

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@dataclass
class Elsewhere:
    """A separate `runweb` on the tests' database, without Redis: it neither receives nor sends hints."""

    url: str

    def connect(self, token: str) -> Socket:
        headers = {"Authorization": f"Bearer {token}"}
        return Socket(connect(f"{self.url.replace('http', 'ws')}/sync", additional_headers=headers))

    def ask(self, method: str, path: str, *, token: str = "", cookie: str = "") -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        cookies = {django_settings.SESSION_COOKIE_NAME: cookie} if cookie else {}
        with httpx.Client(base_url=self.url, headers=headers, cookies=cookies, timeout=10) as client:
            return client.request(method, path)


@pytest.fixture
def elsewhere(transactional_db: None, tmp_path: Path) -> Iterator[Elsewhere]:
    with another_web(tmp_path) as web:
        yield Elsewhere(web.url)


@dataclass
class Person:
    """A person with a browser, its session's access token, a refresh token and a sync token."""

    user: User
    instance: str
    browser: Client
    session: AuthSession
    access: str
    refresh: str
    sync: str

    @property
    def cookie(self) -> str:
        return str(self.browser.cookies[django_settings.SESSION_COOKIE_NAME].value)


def make_person(guild: Guild) -> Person:
    user = MembershipFactory.create(user=UserFactory.create(), guild=guild).user
    browser = Client()
    browser.force_login(user)
    session = AuthSession.objects.get(user=user)
    pair, instance = issue_pair(session), f"guild:{guild.pk}"
    sync, _ = begin_sync_session(user, store=instance, device="", address=None)
    return Person(user, instance, browser, session, pair.access, pair.refresh, sync)


def use_a_spent_refresh_token(person: Person, operator: Client) -> None:
    for _ in range(2):
        Client().post("/api/auth/token/refresh", {"refresh": person.refresh}, content_type="application/json")
        RefreshChain.objects.update(rotated_at=timezone.now() - timedelta(minutes=1))


# Ways to end a person's login, and whether each ends all of their logins.
ENDS: dict[str, tuple[Callable[[Person, Client], object], bool]] = {
    "logout": (lambda person, _: person.browser.post("/api/auth/logout"), False),
    "ended in the list": (
        lambda person, _: person.browser.delete(f"/api/auth/sessions/{person.session.pk}"),
        False,
    ),
    "a refresh token used twice": (use_a_spent_refresh_token, False),
    "ended by the admin": (
        lambda person, operator: operator.post(
            "/admin/accounts/authsession/",
            {"action": "revoke", "_selected_action": [str(person.session.pk)]},
        ),
        False,
    ),
    "logout everywhere": (lambda person, _: person.browser.post("/api/auth/logout-all"), True),
    "deactivated by the admin": (
        lambda person, operator: operator.post(
            f"/admin/accounts/user/{person.user.pk}/change/", {"_save": "Save"}
        ),
        True,
    ),
    "deactivated in the database": (
        lambda person, _: User.objects.filter(pk=person.user.pk).update(is_active=False),
        True,
    ),
    "deleted by the admin": (
        lambda person, operator: operator.post(
            f"/admin/accounts/user/{person.user.pk}/delete/", {"post": "yes"}
        ),
        True,
    ),
    "deleted by themselves": (lambda person, _: person.browser.delete("/api/auth/me"), True),
}


def test_what_ends_here_ends_there(
    elsewhere: Elsewhere, operator: Client, record_property: Callable[[str, object], None]
) -> None:
    guild = GuildFactory.create()
    worst = 0.0
    for name, (end, everything) in ENDS.items():
        person = make_person(guild)
        with elsewhere.connect(person.access) as socket, elsewhere.connect(person.sync) as synced:
            for each in (socket, synced):
                assert each.init(person.instance)["type"] == "ready", name
            assert elsewhere.ask("GET", "/api/auth/me", token=person.access).status_code == 200, name
            assert elsewhere.ask("GET", "/dashboard", cookie=person.cookie).status_code == 200, name
            cookie = person.cookie
            end(person, operator)
            before = time.monotonic()
            for each in (socket, synced) if everything else (socket,):
                assert each.receive()["code"] in {"SESSION_REVOKED", "USER_NOT_FOUND"}, name
                assert each.close_code() == 4401, name
            worst = max(worst, time.monotonic() - before)
            assert elsewhere.ask("GET", "/api/auth/me", token=person.access).status_code == 401, name
            assert elsewhere.ask("GET", "/dashboard", cookie=cookie).status_code == 302, name
            if not everything:
                assert synced.ask({"type": "ping", "id": 1})["type"] == "pong", name
    record_property(
        "a session ended in another process, its socket closed after at most (s)", round(worst, 2)
    )


def test_what_ends_there_ends_here(elsewhere: Elsewhere, server: Server) -> None:
    person = make_person(GuildFactory.create())
    with server.connect(additional_headers={"Authorization": f"Bearer {person.access}"}) as socket:
        assert socket.init(person.instance)["type"] == "ready"
        assert elsewhere.ask("POST", "/api/auth/logout-all", token=person.access).status_code == 200
        assert person.browser.get("/dashboard").status_code == 302
        assert socket.receive()["code"] == "SESSION_REVOKED"
        assert socket.close_code() == 4401
