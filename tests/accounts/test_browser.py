"""Login, refusals, and the list of sessions, in Chromium with the sandbox as Discord."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from accounts.models import AuthSession, User
from sandbox.seed import LOUNGE, OWNER
from tests.accounts.conftest import Discord
from tests.accounts.test_second_factor import code_now, protect
from tests.clients.browser import PHONE, WIDE, Desk, Scheme, Window, elsewhere
from tests.factories import GuildFactory

pytestmark = pytest.mark.django_db(transaction=True)

type LogIn = Callable[..., Window]


@pytest.fixture(autouse=True)
def lounge(transactional_db: None, there: Discord) -> None:
    GuildFactory.create(guild_id=LOUNGE, name="Sandbox Lounge")


@pytest.fixture
def log_in(desk: Desk) -> LogIn:
    """Return a function that opens a window and logs in through Discord's page."""

    def act(*, size: ViewportSize = WIDE, scheme: Scheme = "dark") -> Window:
        window = desk.window(None, size=size, scheme=scheme)
        ask_discord(window.open("/"))
        window.page.get_by_role("button", name="Authorize").click()
        window.page.wait_for_load_state()
        return window

    return act


def ask_discord(page: Page) -> None:
    page.locator("main").get_by_role("link", name="Log in with Discord").click()
    page.locator("input[value=owner]").check(force=True)


def rows(page: Page) -> list[str]:
    return page.locator("[data-sid] h3").all_inner_texts()


def test_a_login_leads_to_the_dashboard_and_a_denial_to_a_page_with_a_way_on(desk: Desk) -> None:
    window = desk.window(None)
    page = window.open("/")
    ask_discord(page)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Login failed")).to_be_visible()
    expect(page.locator("code")).to_have_text("LOGIN_DENIED")
    window.complaints.clear()  # Chromium reports the page's own status, 400, as an error
    page.get_by_role("link", name="Try again").click()
    ask_discord(page)
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url("**/dashboard")
    expect(page.get_by_role("heading", name="Sandbox Lounge")).to_be_visible()
    assert window.complaints == []


def test_ending_another_browsers_session_signs_it_out_where_it_looks(log_in: LogIn) -> None:
    mine, other = log_in(), log_in(size=PHONE, scheme="light")
    other.open_guild(LOUNGE)
    page = mine.page
    page.get_by_label("Your account").click()
    page.get_by_role("link", name="Account and sessions").click()
    page.wait_for_url("**/sessions")
    assert len(rows(page)) == 2
    assert sum("Current" in row for row in rows(page)) == 1

    page.locator("[data-sid]:not(:has(.tag))").get_by_role("button").click()
    expect(page.locator("[data-sid]")).to_have_count(1)
    assert "Current" in rows(page)[0]
    expect(other.page.locator("#connection")).to_contain_text("Logged out", timeout=3_000)
    expect(other.page.locator("#connection").get_by_role("link", name="Log in")).to_be_visible()

    other.page.reload()
    expect(other.page.get_by_role("button", name="Authorize")).to_be_visible()
    mine.open("/dashboard")
    expect(page.get_by_role("heading", name="Your servers")).to_be_visible()
    assert mine.complaints == []


def test_logging_out_everywhere_ends_all_of_them(log_in: LogIn) -> None:
    mine, other = log_in(), log_in()
    other.open_guild(LOUNGE)
    mine.open("/sessions").get_by_role("button", name="Log out everywhere").click()
    expect(mine.page.locator("main").get_by_role("link", name="Log in with Discord")).to_be_visible()
    expect(other.page.locator("#connection")).to_contain_text("Logged out", timeout=3_000)
    assert not elsewhere(lambda: AuthSession.objects.filter(revoked_at=None).exists())


def test_ending_ones_own_session_leads_to_the_start(log_in: LogIn) -> None:
    page = log_in().open("/sessions")
    page.locator("[data-sid]:has(.tag)").get_by_role("button", name="Log out").click()
    expect(page.locator("main").get_by_role("link", name="Log in with Discord")).to_be_visible()


def test_an_end_that_did_not_happen_is_said(log_in: LogIn) -> None:
    mine, other = log_in(), log_in()
    other.open("/dashboard")
    page = mine.open("/sessions")
    page.route("**/api/auth/sessions/**", lambda route: route.abort())
    page.locator("[data-sid]:not(:has(.tag))").get_by_role("button").click()
    expect(page.locator(".toast")).to_contain_text(
        "The session was not logged out. The server cannot be reached."
    )
    assert len(rows(page)) == 2


def test_the_data_is_downloaded_and_the_account_deleted_after_a_question(log_in: LogIn) -> None:
    window = log_in()
    page = window.open("/sessions")
    with page.expect_download() as started:
        page.get_by_role("link", name="Download my data").click()
    assert started.value.suggested_filename == "backline-export.json"
    assert json.loads(started.value.path().read_text())["account"]["discord_id"] == OWNER

    page.get_by_role("button", name="Delete my account").click()
    dialog = page.get_by_role("dialog", name="Delete")
    confirm = dialog.get_by_role("button", name="Delete account")
    expect(confirm).to_be_disabled()
    dialog.get_by_label("to confirm").fill("somebody")
    expect(confirm).to_be_disabled()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert elsewhere(User.objects.count) == 1

    page.get_by_role("button", name="Delete my account").click()
    dialog.get_by_label("to confirm").fill("owner")
    confirm.click()
    expect(page.locator("main").get_by_role("link", name="Log in with Discord")).to_be_visible()
    assert elsewhere(User.objects.count) == 0
    assert window.complaints == []


def test_a_second_factor_is_asked_for_after_discord(log_in: LogIn) -> None:
    secret, _ = elsewhere(lambda: protect(User.objects.create(discord_id=OWNER, username="owner")))
    window = log_in(size=PHONE, scheme="light")
    page = window.page
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    expect(page.get_by_label("Code")).to_be_focused()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert").filter(has_text="Incorrect code")).to_be_visible()
    page.get_by_label("Code").fill(code_now(secret))
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/dashboard")
    assert window.complaints == []


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "light"), ({"width": 1440, "height": 900}, "dark")])
def test_no_account_page_is_wider_than_the_window_or_breaks_the_csp(
    size: ViewportSize, scheme: Scheme, log_in: LogIn
) -> None:
    window = log_in(size=size, scheme=scheme)
    page = window.page

    def look() -> None:
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], page.url
        assert page.evaluate("[...document.images].every((each) => each.complete && each.naturalWidth)"), (
            page.url
        )

    for path in ("/sessions", "/account/2fa/", "/account/2fa/totp/activate/"):
        window.open(path)
        look()
    page.get_by_label("Code from the app").fill(code_now(page.locator(".secret").inner_text()))
    page.get_by_role("button", name="Turn on").click()
    expect(page.locator(".codes li")).to_have_count(10)
    look()
    for path in ("/account/2fa/", "/account/2fa/recovery-codes/generate/", "/account/2fa/totp/deactivate/"):
        window.open(path)
        look()
    assert window.complaints == []
