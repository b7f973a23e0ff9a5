"""A browser with a stale session gets a proper response from the login pages, not a server error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from http.cookies import SimpleCookie
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.domain.departure import delete_account
from accounts.models import AuthSession, User
from sandbox.seed import OWNER
from tests.accounts.conftest import Discord, log_in
from tests.accounts.repeats import COOKIE, with_cookie
from tests.accounts.test_second_factor import AUTHENTICATE, INDEX, code_now, half_way, protect

pytestmark = pytest.mark.django_db(transaction=True)

FORMS: list[dict[str, Any]] = [
    {},
    {"code": "000000"},
    {"code": "\0"},
    {"action": "trust", "code": ["1", "2"]},
]


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield route


PATHS = sorted(
    {
        f"/{route}"
        for route in routes(get_resolver("config.urls"))
        if route.startswith(("account/", "api/auth/"))
    }
    - {"/api/auth/sessions/<str:sid>"}
    | {"/api/auth/discord/callback?state=x&code=y"}
)


@pytest.fixture
def owner() -> User:
    return User.objects.create(discord_id=OWNER, username="owner")


def nobody(there: Discord, owner: User) -> Client:
    return Client()


def logged_in(there: Discord, owner: User) -> Client:
    browser = Client()
    log_in(browser, there)
    return browser


def logged_out(there: Discord, owner: User) -> Client:
    browser = logged_in(there, owner)
    cookie = str(browser.cookies[COOKIE].value)
    browser.post("/api/auth/logout")
    return with_cookie(cookie)


def ended(there: Discord, owner: User) -> Client:
    browser = logged_in(there, owner)
    AuthSession.objects.all().delete()
    return browser


def departed(there: Discord, owner: User) -> Client:
    browser = logged_in(there, owner)
    delete_account(owner)
    return browser


def closed(there: Discord, owner: User) -> Client:
    browser = logged_in(there, owner)
    User.objects.update(is_active=False)
    return browser


def owing_a_code(there: Discord, owner: User) -> Client:
    protect(owner)
    return half_way(there)


def owing_a_code_and_departed(there: Discord, owner: User) -> Client:
    browser = owing_a_code(there, owner)
    delete_account(owner)
    return browser


def owing_a_code_and_closed(there: Discord, owner: User) -> Client:
    browser = owing_a_code(there, owner)
    User.objects.update(is_active=False)
    return browser


def owing_a_code_no_longer(there: Discord, owner: User) -> Client:
    browser = owing_a_code(there, owner)
    Authenticator.objects.all().delete()
    return browser


def forgotten(there: Discord, owner: User) -> Client:
    browser = owing_a_code(there, owner)
    Session.objects.all().delete()
    return browser


STATES = [
    nobody, logged_in, logged_out, ended, departed, closed, owing_a_code, owing_a_code_and_departed,
    owing_a_code_and_closed, owing_a_code_no_longer, forgotten,
]  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_no_page_of_logging_in_fails(
    state: Callable[[Discord, User], Client], there: Discord, owner: User
) -> None:
    browser = state(there, owner)
    browser.raise_request_exception = False
    cookies = browser.cookies
    failed = []
    for path in PATHS:
        asks: dict[str, Callable[[str], Any]] = {
            "GET": browser.get,
            "HEAD": browser.head,
            "DELETE": browser.delete,
        }
        asks |= {f"POST {form}": partial(browser.post, data=form) for form in FORMS}
        for name, ask in asks.items():
            browser.cookies = SimpleCookie(cookies)
            if (answer := ask(path)).status_code >= 500:
                failed.append(f"{name} {path}: {answer.status_code}")
    assert not failed


def test_a_form_sent_again_after_logging_out_leads_to_the_login(there: Discord, owner: User) -> None:
    secret, _ = protect(owner)
    browser = half_way(there)
    cookie, form = str(browser.cookies[COOKIE].value), {"code": code_now(secret)}
    assert browser.post(AUTHENTICATE, form).status_code == 302
    browser.post("/api/auth/logout")
    again = with_cookie(cookie).post(AUTHENTICATE, form)
    assert (again.status_code, again.headers["Location"]) == (302, "/account/login")


def test_a_form_of_the_second_factor_sent_again_after_logging_out_leads_to_the_login(
    there: Discord, owner: User
) -> None:
    browser = Client()
    log_in(browser, there)
    browser.get(f"{INDEX}totp/activate/")
    cookie, form = str(browser.cookies[COOKIE].value), {"code": code_now(browser.session["mfa.totp.secret"])}
    assert browser.post(f"{INDEX}totp/activate/", form).status_code == 302
    browser.post("/api/auth/logout")
    again = with_cookie(cookie).post(f"{INDEX}totp/activate/", form)
    assert (again.status_code, again.headers["Location"].partition("?")[0]) == (302, "/account/login")


def test_a_form_during_which_another_tab_logs_out_is_refused(there: Discord, owner: User) -> None:
    browser = Client()
    log_in(browser, there)
    browser.get(f"{INDEX}totp/activate/")
    form = {"code": code_now(browser.session["mfa.totp.secret"])}

    def log_out(**kwargs: Any) -> None:
        Session.objects.all().delete()

    authenticator_added.connect(log_out)
    try:
        answer = browser.post(f"{INDEX}totp/activate/", form)
    finally:
        authenticator_added.disconnect(log_out)
    assert (answer.status_code, b"STATE_INVALID" in answer.content) == (400, True)


def test_a_closed_account_does_not_come_in_by_its_second_factor(there: Discord, owner: User) -> None:
    secret, _ = protect(owner)
    browser = half_way(there)
    User.objects.update(is_active=False)
    answer = browser.post(AUTHENTICATE, {"code": code_now(secret)})
    assert answer.status_code < 500
    assert browser.get("/api/auth/me").status_code == 401
    assert not AuthSession.objects.filter(revoked_at=None).exists()
