"""People in Chromium log in through Discord's page, add tracks, see them play and control playback, all live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import httpx
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from sandbox.seed import JUNIPER, LOUNGE
from tests.clients.browser import FLAGS, PHONE, WIDE, Scheme, Window, find_chromium, new_context
from tests.e2e.conftest import clear
from tests.e2e.program import Backline, Person

QUIET = [
    *FLAGS,
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--mute-audio",
]
type Open = Callable[..., Window]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=QUIET)
        yield chromium
        chromium.close()


@pytest.fixture
def window(browser: Browser, running: Backline) -> Iterator[Open]:
    """Opens windows of different people. Fails if one of them logged an error."""
    windows: list[Window] = []

    def open_window(*, size: ViewportSize = WIDE, scheme: Scheme = "dark") -> Window:
        context = new_context(browser, base_url=running.web_url, viewport=size, color_scheme=scheme)
        windows.append(Window(context.new_page()))
        return windows[-1]

    yield open_window
    complaints = [complaint for each in windows for complaint in each.complaints]
    for each in windows:
        each.page.context.close()
    assert complaints == []


@pytest.fixture
def quiet(owner: Person, running: Backline) -> Person:
    """`owner` is in voice, and nothing is queued."""
    running.sit("owner", "Stage left")
    clear(owner)
    return owner


def log_in(window: Window, user: str) -> Page:
    """Go from the landing page through the consent page to the guild list."""
    page = window.page
    page.goto("/")
    page.get_by_role("link", name="Log in with Discord").click()
    expect(page.get_by_role("heading", name="Backline wants to access your account")).to_be_visible()
    page.locator(f"label.person:has(input[value={user}])").click()
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url("**/dashboard")
    page.wait_for_selector("#connection[data-state=live]")
    return page


def open_lounge(page: Page) -> None:
    page.get_by_role("link", name="Sandbox Lounge").click()
    page.wait_for_url(f"**/guilds/{LOUNGE}")
    expect(page.locator("#connection")).to_have_text("Live")


def limit_back_room(running: Backline, users: int) -> None:
    body = {"change": "edit_channel", "channel_id": running.channel("Back room"), "user_limit": users}
    httpx.post(f"{running.sandbox_url}/_sandbox/guilds/{LOUNGE}", json=body, timeout=10).raise_for_status()


def seconds_on(page: Page) -> int:
    minutes, _, seconds = page.locator("#position").inner_text().partition(":")
    return int(minutes) * 60 + int(seconds) if minutes.isdigit() else -1


def test_an_evening_of_two_people(window: Open, quiet: Person, running: Backline) -> None:
    mine = window()
    page = log_in(mine, "owner")
    expect(page.locator(".room")).to_have_count(2)
    open_lounge(page)

    other = log_in(window(size=PHONE, scheme="light"), "dj")
    open_lounge(other)

    page.keyboard.press("/")
    page.keyboard.type("440")
    expect(page.locator(".result").first).to_contain_text("440 Hz Tone")
    page.keyboard.press("Enter")
    for each in (page, other):
        expect(each.locator("#now-title")).to_have_text("440 Hz Tone")
        expect(each.locator("#now-status")).to_have_text("Now playing")
        expect(each.locator("#activity")).to_contain_text("440 Hz Tone")
    running.hear(440)
    begun = seconds_on(page)
    page.wait_for_function(
        "was => { const [m, s] = document.querySelector('#position').textContent.split(':');"
        " return Number(m) * 60 + Number(s) >= was + 2 }",
        arg=max(begun, 0),
    )
    assert page.locator("#seek").input_value() != "0"

    other.get_by_role("button", name="Pause").click()
    expect(page.locator("#now-status")).to_have_text("Paused")
    page.get_by_role("button", name="Resume").click()
    expect(other.locator("#now-status")).to_have_text("Now playing")

    quiet.add("Sawdust Waltz")
    expect(other.locator("#queue .line-title")).to_have_text(["Sawdust Waltz"])
    other.get_by_role("button", name="Skip this track").click()
    expect(page.locator("#now-title")).to_have_text("Sawdust Waltz")
    expect(page.locator("#queue .line-title")).to_have_count(0)

    limit_back_room(running, 1)
    running.sit("member", "Back room")
    page.get_by_role("combobox", name="Voice channel").select_option("Back room")
    expect(page.locator("#toasts .toast")).to_contain_text("“Back room” because it is full")
    expect(other.locator("#toasts .toast")).to_have_count(0)
    expect(page.get_by_role("combobox", name="Voice channel")).to_have_value(running.channel("Stage left"))
    running.sit("member", None)
    limit_back_room(running, 0)


def test_installing_the_bot_turns_its_page_live(window: Open, running: Backline) -> None:
    """The consent page opens in another tab. The guild's page follows as the bot joins and leaves the guild."""
    page = log_in(window(), "owner")
    page.goto(f"/guilds/{JUNIPER}")
    page.wait_for_selector("#connection[data-state=live]")
    page.evaluate("window.neverReloaded = true")
    expect(page.locator("#search-input")).to_be_hidden()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Add the bot").click()
    consent = opened.value
    consent.locator("label.person:has(input[value=owner])").click()
    consent.get_by_role("button", name="Authorize").click()
    expect(consent.get_by_role("heading", name="Authorized")).to_be_visible()
    consent.close()
    expect(page.locator("#search-input")).to_be_visible()
    expect(page.locator("#voice-channel")).to_contain_text("Upstairs")
    running.fault("guild_delete", guild_id=JUNIPER)
    expect(page.get_by_role("link", name="Add the bot")).to_be_visible()
    assert page.evaluate("window.neverReloaded")


def test_a_denied_login_is_a_page_with_a_way_on(window: Open, running: Backline) -> None:
    mine = window()
    page = mine.page
    page.goto("/")
    page.get_by_role("link", name="Log in with Discord").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name="Login failed")).to_be_visible()
    mine.complaints.clear()  # Chromium reports the page's own status, 400, as an error
    page.locator("main a.button").click()
    page.get_by_role("link", name="Log in with Discord").click()
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url("**/dashboard")


PAGES = ("/", "/dashboard", *(f"/guilds/{LOUNGE}#{tab}" for tab in ("playing", "queue", "activity")))


def test_no_page_is_wider_than_the_window(window: Open, tone: Person) -> None:
    for volume in range(20):  # a long feed
        tone.do("PATCH", "player", json={"volume": 80 + volume})
    page = log_in(window(), "owner")
    for path, size in product(PAGES, (WIDE, PHONE)):
        page.set_viewport_size(size)
        page.goto(path)
        if path.startswith("/guilds"):  # with a worker, Playwright never sees the network idle
            expect(page.locator("#now-title")).to_have_text("440 Hz Tone")
            expect(page.locator("#queue .line-title")).to_have_count(1)
            expect(page.locator("#activity")).to_contain_text("set the volume to 80%")
            if size == WIDE:
                assert page.evaluate("document.documentElement.scrollHeight") <= size["height"]
        elif path == "/dashboard":
            page.wait_for_selector("#connection[data-state=live]")
        else:
            page.wait_for_load_state("networkidle")  # requests that are still loading would count as failed
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], (path, scheme)
            page.wait_for_function(
                "dark => (getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0] < 128) === dark",
                arg=scheme == "dark",
            )


def test_a_restart_is_survived_by_an_open_page(window: Open, tone: Person, running: Backline) -> None:
    mine = window()
    page = log_in(mine, "owner")
    open_lounge(page)
    expect(page.locator("#now-status")).to_have_text("Now playing")
    running.serve.kill()
    expect(page.locator("#connection")).not_to_have_text("Live")
    expect(page.locator("#now-status")).to_contain_text("Offline since")
    stood = page.locator("#position").text_content()
    expect(page.locator("#player-problem")).to_contain_text(f"at {stood}")
    running.start()
    expect(page.locator("#connection")).to_have_text("Live", timeout=20_000)
    expect(page.locator("#now-status")).to_have_text("Now playing", timeout=20_000)
    expect(page.locator("#now-title")).to_have_text("440 Hz Tone")
    mine.complaints.clear()  # it logged that it could not reach the server
