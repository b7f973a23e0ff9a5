"""The guild page's buttons for the player and the queue, with what they do and how they look."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from queue_app.commands import execute
from queue_app.domain import playback
from queue_app.models import Player, QueueItem
from tests.clients.browser import Desk, elsewhere
from tests.clients.rows import choose, fill, open_menu
from tests.clients.scene import BOT_PROCESS, Scene
from tests.clients.test_accessibility import examine


def player(scene: Scene) -> Player:
    return elsewhere(lambda: Player.objects.get(pk=scene.id))


def titles(page: Page) -> list[str]:
    return page.locator("#queue .line-title").all_inner_texts()


def start_next(scene: Scene) -> None:
    elsewhere(lambda: playback.start_next(scene.id, owner=BOT_PROCESS))


def test_the_player_is_steered(desk: Desk, scene: Scene) -> None:
    fill(scene, 3)
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    now, deeds, position = (
        page.locator("#now-title"),
        page.locator("#activity .deed-words"),
        page.locator("#position"),
    )
    expect(now).to_have_text("Song 00")

    # A click on the bar moves to that place, and keys move on from there: several presses are one command.
    seek = page.get_by_role("slider", name="Position in the track")
    box = seek.bounding_box()
    assert box
    assert box["height"] >= 24
    seek.click(position={"x": box["width"] / 2, "y": box["height"] / 2})
    expect(position).to_have_text(re.compile(r"1:[23]\d"))
    expect(deeds.first).to_have_text(re.compile(r"You moved to 1:[23]\d in Song 00"))
    for _ in range(3):
        seek.press("PageUp")
    expect(position).to_have_text(re.compile(r"(2:5\d|3:00)"))
    expect(deeds.first).to_have_text(re.compile(r"You moved to (2:5\d|3:00) in Song 00"))
    assert player(scene).jumps == 2

    page.get_by_role("button", name="Start this track over").click()
    expect(position).to_have_text(re.compile(r"0:0\d"))
    expect(deeds.first).to_have_text("You started Song 00 over")

    # Repeat goes through its three states.
    for words, value, reported in [
        ("Loop: off", "queue", "You set the loop to the queue"),
        ("Loop: queue", "track", "You set the loop to the current track"),
        ("Loop: current track", "off", "You turned off the loop"),
    ]:
        page.get_by_role("button", name=words).click()
        expect(deeds.first).to_have_text(reported)
        assert player(scene).loop == value

    # Jump ahead, and back.
    choose(page, "Song 02", "Play now")
    expect(deeds.first).to_have_text("You skipped 2 tracks")
    start_next(scene)
    expect(now).to_have_text("Song 02")
    assert titles(page) == ["Song 03"]
    page.get_by_role("button", name="Previous track").click()
    expect(deeds.first).to_have_text("You went back to Song 00")
    expect(now).to_have_text("Song 00")
    assert titles(page) == ["Song 02", "Song 03"]

    page.get_by_role("button", name="Stop playback").click()
    expect(page.locator("#now-status")).to_have_text("Stopped")
    expect(page.locator("#queue-empty")).to_be_visible()
    expect(deeds.first).to_have_text("You stopped playback and cleared 2 tracks")
    assert window.complaints == []


def test_what_was_done_is_undone_and_redone_by_its_name(desk: Desk, scene: Scene) -> None:
    fill(scene, 3)
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    undo, redo, deeds = page.locator("#undo"), page.locator("#redo"), page.locator("#activity .deed-words")
    expect(page.locator("#queue .line-title")).to_have_count(3)
    page.get_by_role("button", name="Shuffle the queue").click()
    expect(deeds.first).to_have_text("You shuffled the queue")
    expect(undo).to_have_text(re.compile("^Undo: You shuffled 3 tracks$"))
    undo.click()
    expect(deeds.first).to_have_text("You undid: shuffled the queue")
    expect(page.locator("#queue .line-title")).to_have_text(["Song 01", "Song 02", "Song 03"])
    expect(redo).to_have_text(re.compile("^Redo: .* shuffled 3 tracks$"))

    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator("#queue-empty")).to_be_visible()
    expect(redo).to_be_hidden()
    page.get_by_role("button", name=re.compile("^Undo: You cleared 3 tracks$")).click()
    expect(deeds.first).to_have_text("You undid: cleared the queue: 3 tracks")
    expect(page.locator("#queue .line-title")).to_have_text(["Song 01", "Song 02", "Song 03"])
    redo.click()
    expect(deeds.first).to_have_text("You redid: cleared the queue: 3 tracks")
    expect(page.locator("#queue-empty")).to_be_visible()

    # The page that is opened later tells the same.
    page.reload()
    expect(deeds.first).to_have_text("You redid: cleared the queue: 3 tracks")
    expect(deeds.nth(1)).to_have_text("You undid: cleared the queue: 3 tracks")
    assert window.complaints == []


def test_tracks_that_come_and_go_together_are_one_deed(desk: Desk, scene: Scene) -> None:
    page = desk.window(scene.member_cookie).open_guild(scene.id)
    deeds = page.locator("#activity .deed-words")
    fill(scene, 250)
    expect(deeds.filter(has_text="added 251 tracks")).to_have_count(1)

    def remove_most() -> None:
        waiting = QueueItem.objects.filter(guild_id=scene.id, state="queued").order_by("rank")
        ids = [str(pk) for pk in waiting.values_list("pk", flat=True)]
        execute(scene.id, "RemoveItems", {"item_ids": ids[:200]}, origin=scene.owner)
        execute(scene.id, "RemoveItems", {"item_ids": ids[200:220]}, origin=scene.owner)
        execute(scene.id, "ShuffleQueue", {}, origin=scene.owner)
        execute(scene.id, "Undo", {}, origin=scene.owner)

    elsewhere(remove_most)
    expect(deeds.nth(0)).to_have_text(re.compile("^.* undid: shuffled the queue$"))
    expect(deeds.nth(2)).to_have_text(re.compile("^.* removed 20 tracks$"))
    expect(deeds.nth(3)).to_have_text(re.compile("^.* removed 200 tracks$"))
    elsewhere(lambda: execute(scene.id, "Undo", {}, origin=scene.owner))
    expect(deeds.nth(0)).to_have_text(re.compile("^.* undid: removed 20 tracks$"))
    expect(page.locator("#queue-summary")).to_contain_text("50 tracks")
    page.reload()
    expect(deeds.nth(0)).to_have_text(re.compile("^.* undid: removed 20 tracks$"))


def test_buttons_are_those_of_what_one_may(desk: Desk, scene: Scene) -> None:
    fill(scene, 3)
    window = desk.window(scene.member_cookie)
    page = window.open_guild(scene.id)
    expect(page.locator("#queue .line-title")).to_have_count(3)
    why = "Only DJs and the requester of the current track can do this"
    for name in ("previous", "replay"):
        expect(page.locator(f"#{name}")).to_be_disabled()
        expect(page.locator(f"#{name}")).to_have_attribute("aria-label", why)
    expect(page.locator("#seek")).to_be_disabled()
    expect(page.locator("#loop")).to_be_enabled()
    expect(page.locator("#shuffle")).to_be_visible()
    for hidden in ("#stop", "#queue-clear", "#undo", "#redo"):
        expect(page.locator(hidden)).to_be_hidden()
    menu = open_menu(page, "Song 02")
    assert menu.get_by_role("menuitem").all_inner_texts() == [
        "Play next\n↵", "Move up\nAlt ↑", "Move down\nAlt ↓", "Move to the end\nAlt End", "Move to…\nM",
        "Add to favorites\nF", "Add to playlist\nA", "Select\nX",
    ]  # fmt: skip
    page.keyboard.press("Escape")
    elsewhere(
        lambda: execute(
            scene.id, "ChangeSettings", {"may_move": "dj", "may_clear": "everyone"}, origin=scene.owner
        )
    )
    expect(page.locator("#shuffle")).to_be_hidden()
    expect(page.locator("#stop")).to_be_visible()
    expect(page.get_by_role("button", name="Move Song 02")).to_be_hidden()
    expect(open_menu(page, "Song 02").get_by_role("menuitem", name="Play next")).to_be_hidden()
    expect(page.get_by_role("menuitem", name="Remove all tracks of Owner")).to_be_visible()
    assert window.complaints == []


def test_the_buttons_fit_everywhere(desk: Desk, scene: Scene) -> None:
    fill(scene, 12)
    elsewhere(lambda: execute(scene.id, "SetLoop", {"loop": "track"}, origin=scene.owner))
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    page.get_by_role("button", name="Shuffle the queue").click()
    expect(page.locator("#undo")).to_be_visible()
    page.locator("#undo").click()
    expect(page.locator("#redo")).to_be_visible()
    assert examine(page) == []
    for width in (320, 375, 768, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
    assert page.locator("#seek").evaluate("node => node.getBoundingClientRect().height") >= 24
