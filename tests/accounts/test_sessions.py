"""A person's sessions: listed, ended one by one or all at once, and what ends with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from accounts.models import AuthSession, User
from accounts.signals import session_revoked
from accounts.templatetags.devices import ago, device, device_icon
from realtime.receivers import look_now
from tests.accounts.conftest import Discord, log_in
from tests.factories import MembershipFactory, SessionFactory, UserFactory
from tests.server import Server

pytestmark = pytest.mark.django_db

KIT, APPLE = "AppleWebKit/537.36 (KHTML, like Gecko)", "AppleWebKit/605.1.15 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {KIT}"
IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) {APPLE}"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def user() -> User:
    return UserFactory.create()


@pytest.fixture
def browser(user: User) -> Client:
    return logged_in(user)


def logged_in(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def bearer(browser: Client) -> dict[str, str]:
    return {"Authorization": f"Bearer {browser.post('/api/auth/token').json()['access']}"}


def sid_of(browser: Client) -> str:
    return str(browser.session["sid"])


def test_the_list_holds_ones_own_sessions_and_marks_this_one(browser: Client, user: User) -> None:
    other = SessionFactory.create(user=user, device="curl/8", address="203.0.113.9")
    SessionFactory.create()
    SessionFactory.create(user=user).delete()
    ended = SessionFactory.create(user=user)
    AuthSession.objects.filter(pk=ended.pk).update(revoked_at=timezone.now())
    stale = SessionFactory.create(user=user)
    AuthSession.objects.filter(pk=stale.pk).update(last_seen_at=timezone.now() - timedelta(days=8))
    listed = browser.get("/api/auth/sessions").json()
    assert {entry["sid"]: entry["current"] for entry in listed} == {
        sid_of(browser): True,
        str(other.pk): False,
    }
    entry = next(entry for entry in listed if not entry["current"])
    assert (entry["device"], entry["address"]) == ("curl/8", "203.0.113.9")
    assert set(entry) == {
        "sid",
        "device",
        "store",
        "address",
        "created_at",
        "last_seen_at",
        "expires_at",
        "current",
    }
    assert [e["current"] for e in Client().get("/api/auth/sessions", headers=bearer(browser)).json()].count(
        True
    ) == 1


@pytest.mark.django_db(transaction=True)
def test_a_login_notes_device_and_address(there: Discord) -> None:
    log_in(Client(headers={"user-agent": FIREFOX}), there)
    session = AuthSession.objects.get()
    assert (session.device, session.address) == (FIREFOX, "127.0.0.1")


def test_being_seen_is_written_at_most_once_a_minute(browser: Client) -> None:
    AuthSession.objects.update(last_seen_at=timezone.now() - timedelta(minutes=5))
    browser.get("/dashboard")
    seen = AuthSession.objects.get().last_seen_at
    assert timezone.now() - seen < timedelta(seconds=30)
    Client().get("/api/auth/me", headers=bearer(browser))
    assert AuthSession.objects.get().last_seen_at == seen


def test_ending_another_session_leaves_this_one(browser: Client, user: User) -> None:
    other = logged_in(user)
    assert browser.delete(f"/api/auth/sessions/{sid_of(other)}").status_code == 204
    assert other.get("/dashboard").status_code == 302
    assert browser.get("/dashboard").status_code == 200


def test_ending_a_session_ends_its_tokens_too(browser: Client, user: User) -> None:
    other = logged_in(user)
    pair = other.post("/api/auth/token").json()
    browser.delete(f"/api/auth/sessions/{sid_of(other)}")
    me = Client().get("/api/auth/me", headers={"Authorization": f"Bearer {pair['access']}"})
    refreshed = Client().post(
        "/api/auth/token/refresh", {"refresh": pair["refresh"]}, content_type="application/json"
    )
    for response in (me, refreshed):
        assert (response.status_code, response.json()["code"]) == (401, "SESSION_REVOKED")


@pytest.mark.parametrize("sid", ["somebody's", "7f9c24e5-2c5a-4f3a-9d10-000000000000", "nonsense", "0" * 500])
def test_a_session_that_is_not_ones_own_does_not_exist(sid: str, browser: Client) -> None:
    stranger = SessionFactory.create()
    response = browser.delete(f"/api/auth/sessions/{stranger.pk if sid == "somebody's" else sid}")
    assert (response.status_code, response.json()["code"]) == (404, "NOT_FOUND")
    assert AuthSession.objects.get(pk=stranger.pk).revoked_at is None


def test_ending_a_session_with_a_cookie_needs_the_csrf_token(user: User) -> None:
    browser = logged_in(user, enforce_csrf_checks=True)
    for path, ask in (
        (f"/api/auth/sessions/{sid_of(browser)}", browser.delete),
        ("/api/auth/logout-all", browser.post),
    ):
        response = ask(path)
        assert (response.status_code, response.json()["code"]) == (403, "CSRF_FAILED")
    assert AuthSession.objects.get().revoked_at is None


def test_logging_out_everywhere_ends_every_session_of_ones_own(browser: Client, user: User) -> None:
    other, stranger = logged_in(user), logged_in(UserFactory.create())
    tokens = bearer(other)
    response = browser.post("/api/auth/logout-all")
    assert (response.status_code, response.json()) == (200, {"message": "Logged out"})
    assert response.cookies["session"]["max-age"] == 0
    for client in (browser, other):
        assert client.get("/dashboard").status_code == 302
    assert Client().get("/api/auth/me", headers=tokens).status_code == 401
    assert stranger.get("/dashboard").status_code == 200


@pytest.mark.parametrize("second", ["owner", "dj"])
@pytest.mark.django_db(transaction=True)
def test_logging_in_again_in_one_browser_ends_the_session_before(second: str, there: Discord) -> None:
    browser, other = Client(), Client()
    log_in(other, there)
    log_in(browser, there)
    before, tokens = sid_of(browser), bearer(browser)
    log_in(browser, there, second)
    assert sid_of(browser) != before
    assert Client().get("/api/auth/me", headers=tokens).json()["code"] == "SESSION_REVOKED"
    for client in (browser, other):
        assert client.get("/dashboard").status_code == 200


@pytest.mark.parametrize("how", ["revoked", "everywhere", "deactivated", "deleted"])
@pytest.mark.django_db(transaction=True)
def test_all_ends_within_a_second_also_when_no_hint_arrives(how: str, server: Server, user: User) -> None:
    guild = MembershipFactory.create(user=user).guild
    browser = logged_in(user)
    tokens = bearer(browser)
    session_revoked.disconnect(look_now)
    try:
        with server.connect() as socket:
            token = tokens["Authorization"].removeprefix("Bearer ")
            assert socket.init(f"guild:{guild.pk}", token)["type"] == "ready"
            if how == "revoked":
                AuthSession.objects.update(revoked_at=timezone.now())
            elif how == "everywhere":
                browser.post("/api/auth/logout-all")
            elif how == "deactivated":
                User.objects.filter(pk=user.pk).update(is_active=False)
            else:
                User.objects.filter(pk=user.pk).delete()
            assert socket.receive(seconds=1)["code"] in {"SESSION_REVOKED", "USER_NOT_FOUND"}
            assert socket.close_code() == 4401
    finally:
        session_revoked.connect(look_now)
    assert browser.get("/dashboard").status_code == 302
    assert Client().get("/api/auth/me", headers=tokens).status_code == 401


# --- The cookie ---


@pytest.mark.django_db(transaction=True)
def test_the_cookie_is_the_contracts(there: Discord, client: Client, settings: LazySettings) -> None:
    log_in(client, there)
    cookie = client.cookies["session"]
    assert (cookie["httponly"], cookie["samesite"], cookie["max-age"]) == (True, "Lax", 7 * 24 * 3600)
    assert (cookie["path"], cookie["domain"], cookie["secure"]) == ("/", "", "")
    settings.SESSION_COOKIE_NAME, settings.SESSION_COOKIE_SECURE = "other", True
    second = Client()
    log_in(second, there)
    assert (second.cookies["other"]["httponly"], second.cookies["other"]["secure"]) == (True, True)
    assert second.get("/dashboard").status_code == 200


@pytest.mark.parametrize("cookie", ['"\\000aaaaaaaa"', '"\\377\\376aaaaaaaa"', "é" * 40, "a" * 5000, "''"])
def test_a_cookie_that_is_no_key_is_nobodys(cookie: str) -> None:
    headers = {"cookie": f"{django_settings.SESSION_COOKIE_NAME}={cookie}"}
    for path, status in (("/dashboard", 302), ("/api/auth/me", 401), ("/api/auth/discord/login", 302)):
        assert Client().get(path, headers=headers).status_code == status, path


def test_every_page_sets_the_csrf_cookie(browser: Client) -> None:
    for path in ("/", "/dashboard", "/sessions"):
        browser.cookies.pop("csrftoken", None)
        assert "csrftoken" in browser.get(path).cookies, path


def test_logging_in_changes_the_sessions_key(user: User) -> None:
    browser = Client()
    browser.get("/api/auth/discord/login")
    before = browser.cookies["session"].value
    browser.force_login(user)
    assert browser.cookies["session"].value != before


# --- The page ---


def test_the_page_lists_sessions_in_plain_words(browser: Client, user: User) -> None:
    AuthSession.objects.update(device=FIREFOX)
    SessionFactory.create(user=user, device="<script>alert(1)</script>")
    page = browser.get("/sessions").content.decode()
    assert "Firefox on Linux" in page
    assert page.count(">Current<") == 1
    assert page.count("data-sid=") == 2
    assert "<script>alert" not in page
    assert 'href="/sessions"' in browser.get("/dashboard").content.decode()


def test_the_page_is_for_people_who_are_logged_in() -> None:
    response = Client().get("/sessions")
    assert response.status_code == 302
    assert response.headers["Location"] == "/api/auth/discord/login?next=/sessions"


@pytest.mark.parametrize(
    ("user_agent", "name", "icon"),
    [
        (FIREFOX, "Firefox on Linux", "monitor"),
        (f"{WINDOWS} Chrome/140.0 Safari/537.36", "Chrome on Windows", "monitor"),
        (f"{WINDOWS} Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows", "monitor"),
        (
            f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/18.0 Safari/605.1.15",
            "Safari on macOS",
            "monitor",
        ),
        (f"{IPHONE} Version/18.0 Mobile/15E148 Safari/604.1", "Safari on iPhone", "smartphone"),
        (f"{IPHONE} CriOS/140.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone", "smartphone"),
        (
            f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {KIT} Chrome/140.0 Mobile Safari/537.36",
            "Chrome on Android",
            "smartphone",
        ),
        (f"Mozilla/5.0 (X11; CrOS x86_64) {KIT} Chrome/140.0 Safari/537.36", "Chrome on ChromeOS", "monitor"),
        ("python-httpx/0.28.1", "python-httpx", "terminal"),
        ("curl/8.5.0", "curl", "terminal"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "A browser on Linux", "terminal"),
        ("", "Unknown device", "terminal"),
        ("\u202e", "Unknown device", "terminal"),
    ],
)
def test_a_device_is_named_as_people_call_it(user_agent: str, name: str, icon: str) -> None:
    assert (device(user_agent), device_icon(user_agent)) == (name, icon)


@pytest.mark.parametrize(
    ("past", "words"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=1, seconds=5), "1\xa0minute ago"),
        (timedelta(hours=3, minutes=10), "3\xa0hours ago"),
        (timedelta(days=2, hours=5), "2\xa0days ago"),
    ],
)
def test_when_it_was_seen_is_told_in_one_unit(past: timedelta, words: str) -> None:
    assert ago(timezone.now() - past) == words
