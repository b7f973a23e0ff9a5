"""On a phone, the guild page shows one of its parts at a time."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.clients.browser import PHONE, WIDE, Desk, Scheme, show_tab
from tests.clients.scene import Scene
from tests.clients.test_accessibility import examine


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_each_tab_shows_its_part_and_the_address_keeps_it(desk: Desk, scene: Scene, scheme: Scheme) -> None:
    scene.add("moss")
    scene.play()
    scene.add("cold harbour")
    window = desk.window(scene.owner_cookie, size=PHONE, scheme=scheme)
    page = window.open(f"/guilds/{scene.id}")
    parts = {
        "Playing": ("#now-title", "#voice", "#heart", "#seek"),
        "Queue": ("#queue .line-title", "#search-input", "#queue-menu"),
        "Activity": ("#activity .deed >> nth=0", "#feed a[href$='/history']"),
    }
    for name, shown in parts.items():
        show_tab(page, name)
        expect(page.locator("#tabs [aria-current]")).to_have_text(name)
        for other, selectors in parts.items():
            for selector in selectors:
                expect(page.locator(selector)).to_be_visible(visible=other == name or selector == "#seek")
        expect(page.locator("#pause")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert examine(page) == []
        page.set_viewport_size(PHONE)  # `examine` looks at both sizes
        page.reload()
        expect(page.locator("#tabs [aria-current]")).to_have_text(name)
        expect(page.locator(shown[0])).to_be_visible()
        assert page.evaluate("scrollY") == 0
    page.set_viewport_size(WIDE)
    for selectors in parts.values():
        expect(page.locator(selectors[0])).to_be_visible()
    expect(page.locator("#tabs")).to_be_hidden()
    assert window.complaints == []


def test_what_lies_in_another_tab_is_shown_when_it_is_needed(desk: Desk, scene: Scene) -> None:
    page = desk.window(scene.owner_cookie, size=PHONE).open_guild(scene.id)
    expect(page.locator("#search-input")).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("#search-input")).to_be_focused()
    page.locator("#search-input").fill("moss")
    page.keyboard.press("Enter")
    expect(page.locator("#queue .line-title")).to_have_text(["Moss"])
    page.keyboard.press("Escape")
    show_tab(page, "Playing")
    expect(page.locator("#now-status")).to_have_text("Waiting for the bot")
    expect(page.locator("#now-status")).to_be_visible()


def test_the_last_row_and_the_last_deed_are_above_the_player(desk: Desk, scene: Scene) -> None:
    for _ in range(14):
        scene.add("moss")
    page = desk.window(scene.owner_cookie, size=PHONE).open_guild(scene.id, tab="queue")
    for name, last in (("Queue", "#queue .row >> nth=-1"), ("Activity", "#feed .feed-all a >> nth=-1")):
        show_tab(page, name)
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        expect(page.locator(last)).to_be_in_viewport()
        row, player = page.locator(last).bounding_box(), page.locator("#player").bounding_box()
        assert row
        assert player
        assert row["y"] + row["height"] <= player["y"]
    show_tab(page, "Queue")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.locator("#search-input")).to_be_in_viewport()
