"""The dashboard's cards, the listeners and the first steps in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import ViewportSize, expect

from accounts.models import User
from guilds.models import Channel, VoiceState
from queue_app.commands import execute
from queue_app.domain import playback
from queue_app.models import Player, QueueItem
from tests.clients.browser import PHONE, WIDE, Desk, elsewhere
from tests.clients.relay import Relay
from tests.clients.scene import BOT_PROCESS, Scene
from tests.clients.test_accessibility import examine
from tests.factories import sit

HEBREW = "\N{HEBREW LETTER AYIN}\N{HEBREW LETTER ALEF}"


def seat(scene: Scene) -> None:
    """Put both people into the bot's channel. The member is deafened, and has a name with markup."""
    channel = Channel.objects.get(pk=scene.channel_id)
    for user in User.objects.filter(username__in=("owner", "member")):
        sit(user, channel)
    VoiceState.objects.filter(name="member").update(deafened=True, name=f"<b>{HEBREW}</b>")


def test_a_card_shows_what_plays_without_a_reload_and_its_clock_moves(desk: Desk, scene: Scene) -> None:
    window = desk.window(scene.owner_cookie)
    page = window.open("/dashboard")
    card, absent = page.locator(f"[data-guild='{scene.id}']"), page.locator(".room-absent")
    page.wait_for_selector("#connection[data-state=live]")
    expect(card).to_contain_text("Nothing has played here yet.")
    expect(absent.get_by_role("link", name="Add the bot")).to_be_visible()
    elsewhere(lambda: seat(scene))
    scene.add("moss")
    scene.add("cold harbour")
    scene.play()
    expect(card).to_have_attribute("data-look", "sound")
    for words in ("Moss", "Stage left", "1 listens", "1 track waits", "You, just now"):
        expect(card).to_contain_text(words)
    expect(card.locator("[data-clock]")).to_have_text("0:03")
    assert card.evaluate("card => getComputedStyle(card, '::before').content") == '""'
    elsewhere(lambda: execute(scene.id, "Pause", {}, origin=scene.owner))
    expect(card).to_have_attribute("data-look", "paused")
    assert card.evaluate("card => getComputedStyle(card, '::before').content") == "none"
    card.get_by_role("link", name="Sandbox Lounge").click()
    expect(page).to_have_url(f"{page.url.partition('/guilds')[0]}/guilds/{scene.id}")
    assert window.complaints == []


def test_a_quiet_server_leads_to_its_last_evening(desk: Desk, scene: Scene) -> None:
    def finish() -> None:
        item = Player.objects.get(pk=scene.id).item
        assert item
        playback.finish(scene.id, owner=BOT_PROCESS, item_id=item.pk)

    scene.add("moss")
    scene.play()
    elsewhere(finish)
    page = desk.window(scene.owner_cookie).open("/dashboard")
    card = page.locator(f"[data-guild='{scene.id}']")
    expect(card).to_contain_text("Today: 1 track")
    card.get_by_role("link", name="Listen again").click()
    expect(page.locator(".past-row")).to_contain_text("Moss")


def test_a_lost_connection_stops_the_clocks(desk: Desk, relay: Relay, scene: Scene) -> None:
    scene.add("moss")
    scene.play()
    page = desk.window(scene.owner_cookie).open("/dashboard")
    page.wait_for_selector("#connection[data-state=live]")
    relay.take_away()
    expect(page.locator("#connection")).to_have_text("Offline")
    expect(page.locator("#lost")).to_contain_text("No connection since")
    clock = page.locator("[data-clock]")
    before = clock.inner_text()
    page.wait_for_timeout(1_200)
    assert clock.inner_text() == before
    relay.give_back()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1440", "375"])
def test_the_dashboard_is_accessible_and_fits(desk: Desk, scene: Scene, size: ViewportSize) -> None:
    window = desk.window(scene.owner_cookie, size=size)
    found = examine(window.open("/dashboard"))
    elsewhere(lambda: seat(scene))
    scene.add("moss")
    scene.play()
    window.page.set_viewport_size(size)
    page = window.open("/dashboard")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    found += examine(page)
    assert found == []
    assert window.complaints == []


def test_listeners_stand_on_the_page_and_the_deafened_are_hollow(desk: Desk, scene: Scene) -> None:
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    expect(page.locator("#listeners")).to_be_hidden()
    scene.add("moss")
    scene.play()
    elsewhere(lambda: seat(scene))
    people = page.locator(".listener")
    expect(people).to_have_count(2)
    expect(page.locator("#listener-words")).to_have_text("1 person listens in Stage left")
    expect(people.filter(has_text="You")).not_to_have_attribute("data-deafened", "")
    hollow = people.filter(has_text=f"<b>{HEBREW}</b>")
    expect(hollow).to_have_attribute("data-deafened", "")
    expect(hollow).to_contain_text("does not count for votes")
    colors = {people.nth(at).locator(".avatar").get_attribute("class") for at in range(2)}
    assert len(colors) == 2
    assert examine(page) == []
    elsewhere(VoiceState.objects.all().delete)
    expect(page.locator("#listeners")).to_be_hidden()
    assert window.complaints == []


def test_the_first_steps_tick_themselves_and_go(desk: Desk, scene: Scene) -> None:
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    steps = page.locator("#welcome li")
    expect(steps).to_have_count(3)
    expect(page.locator("#welcome [data-done]")).to_have_count(1)
    assert examine(page) == []
    elsewhere(lambda: seat(scene))
    expect(page.locator("#welcome [data-done]")).to_have_count(2)
    scene.add("moss")
    expect(steps).to_have_count(0)
    assert elsewhere(QueueItem.objects.count) == 1
    assert window.complaints == []
    member = desk.window(scene.member_cookie).open_guild(scene.id)
    expect(member.locator("#welcome")).to_have_count(0)
