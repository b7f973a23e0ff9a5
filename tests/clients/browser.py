"""Chromium on the program's pages, logged in as any user."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    BrowserType,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

from accounts.models import User

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
expect.set_options(timeout=30_000)  # for a busy machine; a successful test does not wait that long
# A fake camera that shows a clock and a turning disc. The browser's permission prompt is accepted or refused.
CAMERA, CAMERA_ALLOWED = "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"
CAMERA_REFUSED = f"{CAMERA_ALLOWED}=deny"
# Drawn by the processor either way. Without WebGL and a process of its own it takes half the time.
FLAGS = ("--no-sandbox", "--disable-gpu", "--in-process-gpu")
# The blur behind translucent bars is most of the time that the processor needs to draw a page.
UNBLURRED = """
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("* { backdrop-filter: none !important; }");
    document.adoptedStyleSheets = [sheet];
"""
WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 375, "height": 812}
type Scheme = Literal["dark", "light"]


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """Open a profile. Its pages do not move by themselves: each animation redraws a page 60 times a second."""
    context = browser.new_context(reduced_motion="reduce", **options)
    context.add_init_script(UNBLURRED)
    context.set_default_timeout(30_000)
    return context


def find_chromium() -> str:
    """Return the path of a Chromium, or skip the test."""
    path = os.environ.get("CHROMIUM_PATH") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if path is None:
        pytest.skip("no Chromium: install one or set CHROMIUM_PATH")
    return path


def login_cookie(user: User) -> str:
    """Log in without Discord. Returns the session cookie's value."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def log_in(context: BrowserContext, cookie: str) -> None:
    """Give a browser the cookie of a user's session, and replace any it has."""
    context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": settings.API_BASE_URL}]
    )


class Window:
    """One person's browser window, and every error it logged."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", self._failed)

    def _failed(self, request: Request) -> None:
        # Navigation aborts the last page's pending requests, such as the one for its icon.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed: {request.url} {request.failure}")

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self, path: str) -> Page:
        self.page.goto(settings.API_BASE_URL + path)
        return self.page

    def open_guild(self, guild_id: str, tab: str = "playing") -> Page:
        """Open a guild's page and wait until it is live. A phone shows one of its tabs."""
        self.open(f"/guilds/{guild_id}#{tab}")
        self.page.wait_for_selector("#connection[data-state=live]")
        return self.page


def show_tab(page: Page, name: str) -> None:
    """On a phone, show a part of a guild's page."""
    page.locator("#tabs").get_by_role("link", name=name, exact=True).click()


class Desk:
    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def context(
        self, cookie: str | None, *, size: ViewportSize = WIDE, scheme: Scheme = "dark"
    ) -> BrowserContext:
        """Open one person's browser. Its pages share cookies, workers and storage."""
        context = new_context(self.browser, viewport=size, color_scheme=scheme)
        if cookie:
            log_in(context, cookie)
        return context

    def window(self, cookie: str | None, *, size: ViewportSize = WIDE, scheme: Scheme = "dark") -> Window:
        return Window(self.context(cookie, size=size, scheme=scheme).new_page())


@contextmanager
def start_chromium(port: int, *flags: str) -> Iterator[Desk]:
    """Start a Chromium that resolves API_BASE_URL to a port of this host: the program accepts only that host name.

    Django refuses the ORM in the thread of Playwright's loop, so use `elsewhere`.
    """
    with sync_playwright() as playwright:
        browser = launch(playwright.chromium, port, *flags)
        try:
            yield Desk(browser)
        finally:
            browser.close()


def launch(chromium: BrowserType, port: int, *flags: str) -> Browser:
    here = f"--host-resolver-rules=MAP {urlsplit(settings.API_BASE_URL).netloc} 127.0.0.1:{port}"
    return chromium.launch(executable_path=find_chromium(), args=[*FLAGS, here, *flags])


def elsewhere[T](act: Callable[[], T]) -> T:
    """Run a function that uses the ORM in another thread, while Chromium is open."""
    from django.db import connections

    def act_and_hang_up() -> T:
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(act_and_hang_up).result(timeout=30)
