"""The pages must pass axe-core's accessibility checks without a finding."""

from __future__ import annotations

from importlib.resources import files

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from guilds.models import Guild
from streams.domain import streams
from tests.clients.browser import PHONE, WIDE, Desk, login_cookie
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, RoleFactory, UserFactory
from tests.server import Server
from tests.streams.device import make_person

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
# Endless animations, such as the status light's, are not waited for. A color that a child inherits may begin to change
# when its parent's has changed, so a few frames must be quiet.
AT_REST = """async () => {
  const finite = ({ effect }) => effect.getComputedTiming().endTime !== Infinity;
  for (let quiet = 0; quiet < 5; quiet += 1) {
    const running = document.getAnimations().filter(finite);
    if (running.length) quiet = -1;
    await Promise.allSettled(running.map(({ finished }) => finished));
    await new Promise(requestAnimationFrame);
  }
}"""
# WCAG 2.2 up to level AA, and axe's best practices, such as heading order and landmarks.
EVERYTHING = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The rules that depend on size and color scheme.
LOOKS = ["color-contrast", "target-size"]


def examine(page: Page) -> list[str]:
    """Return the page's violations, wide and dark, and at phone size in light colors: a line per element and rule."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = _run(page, EVERYTHING)
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="light")
    found += _run(page, LOOKS)
    page.set_viewport_size(WIDE)
    page.emulate_media(color_scheme="dark")
    return found


def _run(page: Page, rules: list[str]) -> list[str]:
    page.evaluate(AT_REST)  # measure colors after the animations
    found = page.evaluate("rules => axe.run({ runOnly: rules, resultTypes: ['violations'] })", rules)
    return [
        f"{page.url} {violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


@pytest.fixture
def lounge(transactional_db: None) -> Guild:
    guild = GuildFactory.create(name="Lounge")
    ChannelFactory.create(guild=guild, name="general")
    RoleFactory.create(guild=guild, name="DJ")
    return guild


@pytest.fixture
def owner(lounge: Guild) -> User:
    owner = UserFactory.create(username="owner")
    MembershipFactory.create(user=owner, guild=lounge, owner=True, manager=True)
    MembershipFactory.create(user=UserFactory.create(username="friend"), guild=lounge)
    return owner


def test_streams(desk: Desk, server: Server, owner: User) -> None:
    window = desk.window(login_cookie(owner))
    page = window.open("/streams")
    found = examine(page)
    page.get_by_role("button", name="New stream").click()
    found += examine(page)
    streams.create_stream(owner, stream_id="cam", name="Hall", durable_types=["alert", "door"])
    with make_person(owner).on(server, "cam", produces=["video-frame", "alert", "door"]) as device:
        device.show({"type": "video-frame"})
        for level in ("low", "medium", "high"):
            device.send({"type": "alert", "level": level, "text": "Somebody is there"})
        device.send({"type": "door", "open": True})
        page = window.open("/streams")
        expect(page.locator(".live-tag")).to_be_visible()
        found += examine(page)
        page.locator(".stretched").click()
        expect(page.locator(".alert")).to_have_count(4)
        expect(page.locator("#present li")).to_have_count(2)
        page.get_by_role("button", name="Share", exact=True).click()
        page.get_by_label("Share with").select_option(label="friend (Friend)")
        page.get_by_role("button", name="Share", exact=True).click()
        expect(page.locator("#members li")).to_have_count(1)
        page.get_by_label("Device", exact=True).fill("Hall camera")
        page.keyboard.press("Enter")
        expect(page.locator("#tokens li")).to_have_count(1)
        page.get_by_label("Public").check()
        expect(page.locator("#public-state")).to_have_text("Saved")
        found += examine(page)
        page.get_by_role("button", name="Replace all tokens").click()
        found += examine(page)
    assert found == []


def test_rules(desk: Desk, lounge: Guild, owner: User) -> None:
    streams.create_stream(owner, stream_id="cam", name="Hall")
    page = desk.window(login_cookie(owner)).open(f"/guilds/{lounge.pk}/settings")
    page.wait_for_selector("#connection[data-state=live]")
    page.get_by_role("button", name="Add rule").click()
    page.get_by_label("Quiet hours").check()
    found = examine(page)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#rules li")).to_have_count(1)
    assert found + examine(page) == []


def test_other_pages(desk: Desk, lounge: Guild, owner: User) -> None:
    found = examine(desk.window(None).open("/"))
    window = desk.window(login_cookie(owner))
    for path in ("/dashboard", "/sessions", "/streams/nothing"):
        found += examine(window.open(path))
    found += examine(window.open_guild(lounge.pk))
    assert found == []
