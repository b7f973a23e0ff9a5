"""The pages of the history, the activity and the statistics in a real browser."""

from __future__ import annotations

import pytest
from django.conf import settings
from playwright.sync_api import ViewportSize, expect

from library.models import Favorite
from queue_app.commands import execute
from queue_app.domain import playback
from queue_app.models import Play, Player, QueueItem
from tests.clients.browser import PHONE, WIDE, Desk, elsewhere, log_in, new_context
from tests.clients.relay import Relay
from tests.clients.scene import BOT_PROCESS, Scene
from tests.clients.test_accessibility import examine
from tests.waiting import until

ROOMS = ("history", "activity", "statistics")


def skip(scene: Scene) -> None:
    elsewhere(lambda: execute(scene.id, "Skip", {}, origin=scene.owner))


def test_new_plays_appear_and_one_is_played_again_and_liked(desk: Desk, scene: Scene) -> None:
    window = desk.window(scene.owner_cookie)
    page = window.open(f"/guilds/{scene.id}/history")
    page.wait_for_selector("#connection[data-state=live]")
    expect(page.get_by_text("Nothing has played here yet")).to_be_visible()
    scene.add("moss")
    scene.play()
    rows = page.locator(".past-row")
    expect(rows).to_have_count(1)
    expect(rows.locator(".past-end")).to_have_text("Playing now")
    skip(scene)
    expect(rows.locator(".past-end")).to_contain_text("Skipped by Owner at 0:0")

    again = page.get_by_role("button", name="Play Moss again")
    again.click()
    expect(page.locator(".toast")).to_contain_text("Added Moss to the queue.")
    assert elsewhere(QueueItem.objects.filter(state="queued").count) == 1
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast")).to_have_count(0)
    heart = page.get_by_role("button", name="Add Moss to your favorites")
    heart.click()
    expect(page.get_by_role("button", name="Remove Moss from your favorites")).to_be_visible()
    until(lambda: elsewhere(Favorite.objects.count) == 1)  # the page shows it first
    again.focus()
    scene.add("cold harbour")
    scene.play()
    expect(rows).to_have_count(2)
    expect(again).to_be_focused()
    assert window.complaints == []


def test_a_change_is_undone_and_redone_and_others_see_it(desk: Desk, scene: Scene) -> None:
    window = desk.window(scene.owner_cookie)
    page = window.open(f"/guilds/{scene.id}/activity")
    member = desk.window(scene.member_cookie).open(f"/guilds/{scene.id}/activity")
    for each in (page, member):
        each.wait_for_selector("#connection[data-state=live]")
    scene.add("moss")
    expect(member.locator(".past-deed")).to_contain_text("Owner added Moss.")
    expect(member.get_by_role("button", name="Undo")).to_have_count(0)
    page.get_by_role("button", name="Undo: Owner added Moss").click()
    expect(page.locator(".toast")).to_contain_text("Undone.")
    expect(page.locator(".past-deed s")).to_have_text("Owner added Moss.")
    expect(member.locator(".past-deed s")).to_have_text("Owner added Moss.")
    expect(member.locator(".past-deed", has=member.locator("s"))).to_contain_text("Undone by Owner at ")
    assert elsewhere(QueueItem.objects.filter(state="queued").count) == 0
    page.get_by_role("button", name="Redo: Owner added Moss").click()
    expect(page.locator(".past-deed s")).to_have_count(0)
    assert elsewhere(QueueItem.objects.filter(state="queued").count) == 1
    assert window.complaints == []


def test_a_refused_undo_says_why_and_shows_what_is_true(desk: Desk, scene: Scene) -> None:
    scene.add("moss")
    page = desk.window(scene.owner_cookie).open(f"/guilds/{scene.id}/activity")
    page.wait_for_selector("#connection[data-state=live]")
    elsewhere(lambda: QueueItem.objects.update(state="played"))
    page.get_by_role("button", name="Undo: Owner added Moss").click()
    expect(page.locator(".toast")).to_contain_text("Could not undo “Owner added Moss”.")


def test_filters_apply_when_they_are_chosen(desk: Desk, scene: Scene) -> None:
    scene.add("moss")
    scene.play()
    skip(scene)
    page = desk.window(scene.owner_cookie).open(f"/guilds/{scene.id}/history")
    page.get_by_label("How it ended").select_option(label="Failed")
    expect(page.get_by_text("Nothing matches these filters")).to_be_visible()
    page.get_by_role("link", name="Clear filters").first.click()
    page.get_by_label("Title, artist or album").fill("mos")
    page.keyboard.press("Enter")
    expect(page.locator(".past-row")).to_have_count(1)
    assert "q=mos" in page.url


def test_reading_needs_no_script(desk: Desk, scene: Scene) -> None:
    scene.add("moss")
    scene.play()
    context = new_context(desk.browser, java_script_enabled=False)
    log_in(context, scene.owner_cookie)
    page = context.new_page()
    for room, words in zip(ROOMS, ("Moss", "Owner added Moss.", "Plays by day"), strict=True):
        page.goto(f"{settings.API_BASE_URL}/guilds/{scene.id}/{room}")
        expect(page.locator("#past")).to_contain_text(words)
        expect(page.get_by_role("button", name="Undo")).to_have_count(0)


def test_a_lost_connection_is_shown_and_what_happened_meanwhile_appears(
    desk: Desk, relay: Relay, scene: Scene
) -> None:
    page = desk.window(scene.owner_cookie).open(f"/guilds/{scene.id}/activity")
    page.wait_for_selector("#connection[data-state=live]")
    relay.take_away()
    expect(page.locator("#connection")).to_have_text("Offline")
    expect(page.locator("#lost")).to_contain_text("No connection since")
    scene.add("moss")
    relay.give_back()
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(page.locator(".past-deed")).to_contain_text("Owner added Moss.")
    expect(page.locator("#lost")).to_be_hidden()


def test_statistics_are_drawn_again_and_an_open_table_stays_open(desk: Desk, scene: Scene) -> None:
    scene.add("moss")
    scene.play()
    window = desk.window(scene.owner_cookie)
    page = window.open(f"/guilds/{scene.id}/statistics")
    page.wait_for_selector("#connection[data-state=live]")
    plays = page.locator(".past-numbers dd").first
    expect(plays).to_have_text("1")
    page.get_by_text("Show as a table").first.click()
    skip(scene)
    scene.add("cold harbour")
    scene.play()
    expect(plays).to_have_text("2")
    expect(page.get_by_role("columnheader", name="Day (UTC)")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Hour")).to_be_hidden()
    assert window.complaints == []


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1440", "375"])
def test_the_pages_are_accessible_and_fit(desk: Desk, scene: Scene, size: ViewportSize) -> None:
    def finish() -> None:
        item = Player.objects.get(pk=scene.id).item
        assert item
        playback.fail(scene.id, owner=BOT_PROCESS, item_id=item.pk, code="UNDECODABLE", detail="No sound.")

    found = []
    window = desk.window(scene.owner_cookie, size=size)
    for filled in (False, True):
        if filled:
            for name in ("moss", "cold harbour", "harbour lights"):
                scene.add(name)
            scene.play()
            skip(scene)
            scene.play()
            elsewhere(finish)
            assert elsewhere(Play.objects.count) == 2
            elsewhere(lambda: execute(scene.id, "Undo", {}, origin=scene.owner))
        for room in ROOMS:
            page = window.open(f"/guilds/{scene.id}/{room}")
            page.wait_for_selector("#connection[data-state=live]")
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], room
            found += examine(page)
            page.set_viewport_size(size)
    assert found == []
    assert window.complaints == []
