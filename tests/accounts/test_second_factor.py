"""The second factor: nothing is accessible before it, and its secrets are encrypted like Discord's tokens."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from cryptography.fernet import Fernet
from django.conf import LazySettings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client

from accounts.encryption import decrypt
from accounts.models import AuthSession, DiscordGrant, User
from guilds.models import Membership
from sandbox.seed import OWNER
from tests.accounts.conftest import Discord, begin, log_in
from tests.accounts.test_exchange import code_of, exchange
from tests.factories import UserFactory
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

INDEX, AUTHENTICATE = "/account/2fa/", "/account/2fa/authenticate/"
PERIOD_SECONDS = 30


def code_now(secret: str) -> str:
    """Return the code that an authenticator app shows (RFC 6238), with time left to type it."""
    until(lambda: time.time() % PERIOD_SECONDS < PERIOD_SECONDS - 2)
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // PERIOD_SECONDS)))


def protect(user: User) -> tuple[str, list[str]]:
    """Turn the second factor on. Returns `(secret, recovery codes)`."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret, RecoveryCodes.activate(user).get_unused_codes()


@pytest.fixture
def owner() -> User:
    return User.objects.create(discord_id=OWNER, username="owner")


def half_way(there: Discord) -> Client:
    """A browser that has logged in at Discord and still has to enter a code."""
    browser = Client()
    assert log_in(browser, there) == AUTHENTICATE
    return browser


def test_nothing_opens_before_the_second_factor(there: Discord, owner: User, settings: LazySettings) -> None:
    settings.ADMIN_DISCORD_IDS = {OWNER}
    protect(owner)
    browser = half_way(there)
    for path in ("/dashboard", "/sessions", "/admin/", "/guilds/1", INDEX, "/account/2fa/recovery-codes/"):
        response = browser.get(path)
        assert response.status_code == 302, path
        assert "login" in response.headers["Location"], path
    for path in ("/api/auth/token", "/api/auth/logout-all"):
        assert browser.post(path).status_code == 401
    for path in ("/api/auth/me", "/api/auth/me/export", "/api/auth/sessions", "/api/guilds"):
        assert browser.get(path).status_code == 401
    assert not AuthSession.objects.exists()
    assert not Membership.objects.exists()


def test_the_apps_code_lets_in_where_one_wanted_to_go(there: Discord, owner: User) -> None:
    secret, _ = protect(owner)
    browser = Client()
    back = there.approve(begin(browser, "?next=/sessions"))
    assert browser.get(back).headers["Location"] == AUTHENTICATE
    page = browser.get(AUTHENTICATE)
    assert b"authenticator app" in page.content
    assert page.headers["Cache-Control"].count("no-store")
    response = browser.post(AUTHENTICATE, {"code": code_now(secret)})
    assert response.headers["Location"].endswith("/sessions")
    assert browser.get("/dashboard").status_code == 200
    assert AuthSession.objects.count() == 1
    assert Membership.objects.filter(user=owner).count() == 2


def test_a_recovery_code_lets_in_once(there: Discord, owner: User) -> None:
    _, codes = protect(owner)
    browser = half_way(there)
    assert browser.post(AUTHENTICATE, {"code": codes[0]}).status_code == 302
    assert browser.get("/dashboard").status_code == 200
    again = half_way(there)
    assert b"Incorrect code" in again.post(AUTHENTICATE, {"code": codes[0]}).content
    assert again.get("/dashboard").status_code == 302


def test_an_apps_code_is_good_once(there: Discord, owner: User) -> None:
    secret, _ = protect(owner)
    code = code_now(secret)
    assert half_way(there).post(AUTHENTICATE, {"code": code}).status_code == 302
    assert half_way(there).post(AUTHENTICATE, {"code": code}).status_code == 200


@pytest.mark.parametrize("code", ["000000", "", "nonsense", "1" * 5000, "\0", "١٢٣٤٥٦"])
def test_a_wrong_code_says_so_and_lets_nobody_in(code: str, there: Discord, owner: User) -> None:
    protect(owner)
    browser = half_way(there)
    response = browser.post(AUTHENTICATE, {"code": code})
    assert response.status_code == 200
    assert b'role="alert"' in response.content
    assert not AuthSession.objects.exists()


def test_guessing_is_slowed_down(there: Discord, owner: User) -> None:
    secret, _ = protect(owner)
    browser = half_way(there)
    for _ in range(10):
        browser.post(AUTHENTICATE, {"code": "000000"})
    response = browser.post(AUTHENTICATE, {"code": code_now(secret)})
    assert b"Too many" in response.content
    assert not AuthSession.objects.exists()


def test_a_login_half_way_leaves_no_token_in_clear(there: Discord, owner: User) -> None:
    protect(owner)
    half_way(there)
    grant = DiscordGrant.objects.get()
    rows = json.dumps([session.get_decoded() for session in Session.objects.all()])
    assert "account_login" in rows, "the login waits in the session"
    for secret in (decrypt(grant.access_token), decrypt(grant.refresh_token), grant.access_token):
        assert secret not in rows


def test_without_a_login_half_way_the_page_leads_to_discord() -> None:
    assert Client().get(AUTHENTICATE).headers["Location"] == "/account/login"
    assert Client().get("/account/login").headers["Location"] == "/api/auth/discord/login"
    asked = Client().get(INDEX)
    assert asked.headers["Location"] == "/account/login?next=/account/2fa/"
    assert (
        Client().get(asked.headers["Location"]).headers["Location"]
        == "/api/auth/discord/login?next=/account/2fa/"
    )


def test_a_code_of_discords_alone_gets_no_tokens(there: Discord, owner: User, settings: LazySettings) -> None:
    secret, codes = protect(owner)
    for extra, code in (
        ({}, "SECOND_FACTOR_REQUIRED"),
        ({"second_factor": "000000"}, "SECOND_FACTOR_INVALID"),
    ):
        refused = exchange(code=code_of(there, settings), **extra)
        assert (refused.status_code, refused.json()["code"]) == (401, code)
    assert not AuthSession.objects.exists()
    assert exchange(code=code_of(there, settings), second_factor=code_now(secret)).status_code == 200
    assert exchange(code=code_of(there, settings), second_factor=codes[0]).status_code == 200


# --- Turning it on and off ---


@pytest.fixture
def browser() -> Client:
    client = Client(enforce_csrf_checks=True)
    client.force_login(UserFactory.create())
    client.get("/")
    return client


def post(browser: Client, path: str, **form: str) -> Any:
    return browser.post(path, form | {"csrfmiddlewaretoken": browser.cookies["csrftoken"].value})


def turn_on(browser: Client) -> tuple[str, list[str]]:
    """Go through the pages as a person does. Returns `(secret, recovery codes)`."""
    page = browser.get("/account/2fa/totp/activate/").content.decode()
    found = re.search(r'class="secret">([A-Z2-7]+)<', page)
    assert found
    response = post(browser, "/account/2fa/totp/activate/", code=code_now(found[1]))
    assert response.headers["Location"] == "/account/2fa/recovery-codes/"
    codes = re.findall(r"<li>(\d{8})</li>", browser.get(response.headers["Location"]).content.decode())
    return found[1], codes


def test_it_is_turned_on_with_a_code_and_shows_recovery_codes_at_once(browser: Client) -> None:
    assert b"Set up" in browser.get(INDEX).content
    secret, codes = turn_on(browser)
    assert len(set(codes)) == 10
    assert b"10 codes left" in browser.get(INDEX).content
    assert b"On. You enter a code" in browser.get("/sessions").content
    download = browser.get("/account/2fa/recovery-codes/download/").content.decode()
    assert all(code in download for code in codes)
    stored = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert not [code for code in codes if code in stored]
    assert stored.count("gAAAA") == 2, "Fernet ciphertext"


def test_a_wrong_code_does_not_turn_it_on(browser: Client) -> None:
    browser.get("/account/2fa/totp/activate/")
    response = post(browser, "/account/2fa/totp/activate/", code="000000")
    assert b"Incorrect code" in response.content
    assert not Authenticator.objects.exists()


def test_the_pages_keep_to_the_csp_and_show_the_qr_code_as_data(browser: Client) -> None:
    response = browser.get("/account/2fa/totp/activate/")
    assert "img-src 'self' data:" in response.headers["Content-Security-Policy"]
    page = response.content.decode()
    assert 'src="data:image/svg+xml;base64,' in page
    assert not re.search(r"<script(?![^>]*\ssrc=)|\sstyle=", page)


def test_it_is_turned_off_by_whoever_shows_a_code(browser: Client) -> None:
    _, codes = turn_on(browser)
    later = Client(enforce_csrf_checks=True)
    later.force_login(User.objects.get())
    later.get("/")
    for path in ("totp/deactivate/", "recovery-codes/", "recovery-codes/generate/"):
        asked = later.get(INDEX + path)
        assert asked.headers["Location"].startswith("/account/2fa/reauthenticate/?next="), path
    assert post(later, "/account/2fa/totp/deactivate/").status_code == 302
    assert Authenticator.objects.filter(type="totp").exists()
    confirmed = post(later, asked.headers["Location"], code=codes[0])
    assert confirmed.headers["Location"] == "/account/2fa/recovery-codes/generate/"
    made = post(later, confirmed.headers["Location"])
    fresh = re.findall(r"<li>(\d{8})</li>", later.get(made.headers["Location"]).content.decode())
    assert len(fresh) == 10
    assert not set(fresh) & set(codes)
    assert post(later, "/account/2fa/totp/deactivate/").headers["Location"] == INDEX
    assert not Authenticator.objects.exists()


def test_turning_it_off_needs_the_csrf_token(browser: Client) -> None:
    turn_on(browser)
    assert browser.post("/account/2fa/totp/deactivate/").status_code == 403
    assert Authenticator.objects.filter(type="totp").exists()


def test_keys_are_rotated_without_losing_it(owner: User, there: Discord, settings: LazySettings) -> None:
    secret, codes = protect(owner)
    new = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [new, *settings.FIELD_ENCRYPTION_KEYS]
    call_command("rotate_encryption")
    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert half_way(there).post(AUTHENTICATE, {"code": code_now(secret)}).status_code == 302
    assert half_way(there).post(AUTHENTICATE, {"code": codes[3]}).status_code == 302


def test_an_operator_takes_a_lost_factor_away_and_sees_no_secret(
    owner: User, there: Discord, operator: Client
) -> None:
    protect(owner)
    row = Authenticator.objects.get(type="totp")
    page = operator.get(f"/admin/mfa/authenticator/{row.pk}/change/")
    assert page.status_code == 200
    assert b"gAAAA" not in page.content
    assert operator.get("/admin/mfa/authenticator/add/").status_code == 403
    operator.post(f"/admin/mfa/authenticator/{row.pk}/delete/", {"post": "yes"})
    assert log_in(Client(), there).endswith("/dashboard")
