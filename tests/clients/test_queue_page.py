"""The guild page's queue: its menu, undo, selection, keys, and queues of thousands of tracks."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Position, Route, expect

from library.models import Favorite, PlaylistEntry
from queue_app.commands import execute
from queue_app.domain import playback
from queue_app.models import Player, QueueItem
from tests.clients.browser import PHONE, Desk, elsewhere
from tests.clients.rows import choose, fill, open_menu, queued, row, shown
from tests.clients.scene import BOT_PROCESS, Scene
from tests.clients.test_accessibility import examine
from tests.factories import TrackFactory
from tests.waiting import until

INSIDE: Position = {"x": 300, "y": 20}  # of a row, beside its buttons
FOUR = ["01", "02", "03", "04"]


# --- Undo ---


def becomes(scene: Scene, page: Page, expected: list[str]) -> None:
    """Wait until the tracks are in this order in the database and on the page."""
    until(lambda: queued(scene) == expected)
    until(lambda: shown(page) == expected)


def test_what_one_does_is_offered_to_be_undone(desk: Desk, scene: Scene) -> None:
    fill(scene, 4)
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    other = desk.window(scene.member_cookie).open_guild(scene.id)
    words = page.locator("#proposals .toast-words")
    choose(page, "Song 02", "Remove")
    expect(words).to_have_text("Removed Song 02")
    expect(page.locator("#announcer")).to_have_text("Removed Song 02. Press U to undo.")
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(words).to_have_text("Cleared the queue: 3 tracks")
    assert queued(scene) == []
    expect(page.locator("#proposals .toast")).to_have_count(1)
    page.keyboard.press("u")
    expect(page.locator("#queue-rows .row")).to_have_count(3)
    expect(words).to_have_count(0)
    assert queued(scene) == ["01", "03", "04"]

    # The next press undoes what was done before, which the button above the queue names.
    expect(page.locator("#undo")).to_have_text("Undo: You removed Song 02")
    page.keyboard.press("u")
    expect(page.locator("#queue-rows .row")).to_have_count(4)
    assert queued(scene) == FOUR
    expect(other.locator("#proposals .toast")).to_have_count(0)
    assert window.complaints == []


def test_the_offer_waits_for_the_pointer(desk: Desk, scene: Scene) -> None:
    fill(scene, 3)
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    choose(page, "Song 02", "Remove")
    toast = page.locator("#proposals .toast")
    expect(toast).to_be_visible()
    assert examine(page) == []
    toast.hover()
    page.wait_for_timeout(8_500)
    expect(toast).to_be_visible()
    page.mouse.move(0, 0)
    expect(toast).to_have_count(0)
    assert queued(scene) == ["01", "03"]


def test_each_line_of_the_feed_is_undone_and_redone(desk: Desk, scene: Scene) -> None:
    fill(scene, 4)
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    member = desk.window(scene.member_cookie).open_guild(scene.id)
    deed = page.locator("#activity .deed")
    choose(page, "Song 01", "Remove")
    choose(page, "Song 03", "Move to the end")
    expect(deed.first).to_contain_text("You moved 1 track")
    page.get_by_role("button", name="Undo: Removed Song 01").click()
    removed = page.locator("#activity .deed").filter(has_text="You removed Song 01").last
    expect(removed).to_have_attribute("data-undone", "")
    expect(removed).to_contain_text("undone by you")
    assert queued(scene) == ["01", "02", "04", "03"]
    expect(deed.first).to_contain_text("You undid: removed Song 01")
    there = member.locator("#activity .deed").filter(has_text="Owner removed Song 01").last
    expect(there).to_contain_text("undone by Owner")
    expect(there.get_by_role("button")).to_have_count(0)

    page.reload()
    expect(removed).to_contain_text("undone by you")
    removed.get_by_role("button", name="Redo: Removed Song 01").click()
    expect(removed).not_to_have_attribute("data-undone", "")
    expect(removed.get_by_role("button", name="Undo: Removed Song 01")).to_be_visible()
    assert queued(scene) == ["02", "04", "03"]
    assert examine(page) == []
    assert window.complaints == []


def test_what_cannot_be_undone_any_more_offers_nothing(desk: Desk, scene: Scene) -> None:
    fill(scene, 1)
    scene.add("moss")
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    added = page.locator("#activity .deed").filter(has_text="You added Moss")
    expect(added.get_by_role("button")).to_have_text("Undo")

    def pass_over() -> None:
        for _ in range(2):
            execute(scene.id, "Skip", {}, origin=scene.owner)
            playback.start_next(scene.id, owner=BOT_PROCESS)

    elsewhere(pass_over)
    expect(page.locator("#now-title")).to_have_text("Moss")
    expect(added.get_by_role("button")).to_have_count(0)
    skipped = page.locator("#activity .deed").filter(has_text="You skipped Song 01")
    expect(skipped.get_by_role("button")).to_have_text("Undo")


# --- The menu of a row ---


def test_each_command_of_a_row_is_in_its_menu(desk: Desk, scene: Scene) -> None:
    fill(scene, 4)
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    for title, words, expected in [
        ("Song 03", "Play next", ["03", "01", "02", "04"]),
        ("Song 02", "Move up", ["03", "02", "01", "04"]),
        ("Song 03", "Move down", ["02", "03", "01", "04"]),
        ("Song 02", "Move to the end", ["03", "01", "04", "02"]),
        ("Song 01", "Remove", ["03", "04", "02"]),
    ]:
        choose(page, title, words)
        becomes(scene, page, expected)
    choose(page, "Song 03", "Move to…")
    place = page.get_by_label("Position in the queue")
    expect(place).to_have_value("1")
    place.fill("2")
    page.keyboard.press("Enter")
    until(lambda: queued(scene) == ["04", "03", "02"])
    choose(page, "Song 03", "Add to favorites")
    until(lambda: elsewhere(lambda: Favorite.objects.filter(title="Song 03").exists()))
    expect(open_menu(page, "Song 03").get_by_role("menuitem", name="Remove from favorites")).to_be_visible()
    page.keyboard.press("Escape")
    choose(page, "Song 02", "Play now")
    expect(page.locator("#activity .deed").first).to_contain_text("You skipped 3 tracks")
    assert window.complaints == []


def test_the_menu_is_used_by_key_and_gives_the_focus_back(desk: Desk, scene: Scene) -> None:
    fill(scene, 12)
    page = desk.window(scene.owner_cookie).open_guild(scene.id, tab="queue")
    menu = open_menu(page, "Song 02")
    focused = page.locator(":focus")
    for key, words in [
        ("ArrowDown", "Play next"),
        ("End", "Remove"),
        ("ArrowDown", "Play now"),
        ("ArrowUp", "Remove"),
        ("Home", "Play now"),
    ]:
        page.keyboard.press(key)
        expect(focused).to_contain_text(words)
    assert examine(page) == []
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(focused).to_have_attribute("aria-label", "More for Song 02")

    # The right button opens it at the pointer, and the key for menus at the row. Low on the page it opens upwards.
    row(page, "Song 01").click(button="right", position=INSIDE)
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(focused).to_have_attribute("data-title", "Song 01")
    page.keyboard.press("Shift+F10")
    expect(menu).to_be_visible()
    page.keyboard.press("Delete")
    until(lambda: queued(scene)[0] == "02")
    low = row(page, "Song 12")
    low.scroll_into_view_if_needed()
    page.get_by_role("button", name="More for Song 12", exact=True).click()
    box = menu.bounding_box()
    assert box
    assert box["y"] + box["height"] <= 900
    page.mouse.click(5, 300)
    expect(menu).to_be_hidden()

    # Whoever removes a row is on the next one.
    choose(page, "Song 03", "Remove")
    until(lambda: "03" not in queued(scene))
    expect(focused).to_have_attribute("data-title", "Song 04")


def test_tracks_are_added_to_a_playlist(desk: Desk, scene: Scene) -> None:
    fill(scene, 3)
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    choose(page, "Song 01", "Add to playlist")
    page.get_by_label("New playlist").fill("Friday")
    page.get_by_role("button", name="Create and add").click()
    expect(page.locator("#proposals .toast-words")).to_have_text("Added 1 track to Friday")
    for title in ("Song 02", "Song 03"):
        row(page, title).click(modifiers=["Control"], position=INSIDE)
    page.get_by_role("toolbar", name="Selected tracks").get_by_role("button", name="Add to playlist").click()
    dialog = page.get_by_role("dialog", name="Add to playlist")
    expect(dialog).to_be_visible()
    assert examine(page) == []
    dialog.get_by_role("button", name="Friday 1 track").click()
    expect(page.locator("#proposals .toast-words")).to_have_text("Added 2 tracks to Friday")
    count = PlaylistEntry.objects.filter(removed_at=None).count
    assert elsewhere(count) == 3
    page.keyboard.press("u")
    until(lambda: elsewhere(count) == 1)
    assert window.complaints == []


def test_the_queue_has_a_menu_of_its_own(desk: Desk, scene: Scene) -> None:
    fill(scene, 3)
    elsewhere(lambda: execute(scene.id, "AddTrack", {"query": "song 02"}, origin=scene.owner))
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)

    def ask(words: str) -> None:
        page.get_by_role("button", name="More for the queue").click()
        page.get_by_role("menuitem", name=words).click()

    ask("Remove duplicates")
    expect(page.locator("#queue-rows .row")).to_have_count(3)
    ask("Remove duplicates")
    expect(page.locator("#toasts")).to_contain_text("There are no duplicates in the queue.")
    ask("Save as playlist")
    page.get_by_label("Name", exact=True).fill("The evening")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#proposals .toast-words")).to_have_text("Saved 4 tracks as a playlist")
    assert elsewhere(PlaylistEntry.objects.count) == 4
    ask("Remove all your tracks")
    expect(page.locator("#queue-empty")).to_be_visible()
    assert queued(scene) == []
    assert window.complaints == []


def test_a_clearing_is_seen_at_once_and_taken_back_when_refused(desk: Desk, scene: Scene) -> None:
    fill(scene, 3)
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    held: list[Route] = []
    page.route("**/commands", lambda route: held.append(route))
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator('#queue-rows [data-state="removing"]')).to_have_count(3)
    until(lambda: bool(held))
    held[0].fulfill(status=403, json={"code": "FORBIDDEN", "detail": "Only DJs may clear the queue."})
    expect(page.locator("#toasts")).to_contain_text(
        "Could not clear the queue. Only DJs may clear the queue."
    )
    expect(page.locator('#queue-rows [data-state="queued"]')).to_have_count(3)
    assert queued(scene) == ["01", "02", "03"]


# --- Selection ---


def test_several_rows_are_selected_and_changed_together(desk: Desk, scene: Scene) -> None:
    fill(scene, 8)
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    tools = page.get_by_role("toolbar", name="Selected tracks")
    row(page, "Song 02").click(modifiers=["Control"], position=INSIDE)
    row(page, "Song 05").click(modifiers=["Shift"], position=INSIDE)
    row(page, "Song 03").click(modifiers=["Control"], position=INSIDE)
    expect(tools).to_contain_text("3 selected")
    expect(page.get_by_role("button", name="Shuffle the queue")).to_be_hidden()
    expect(page.locator('#queue [aria-selected="true"] .line-title')).to_have_text(
        ["Song 02", "Song 04", "Song 05"]
    )
    assert examine(page) == []
    tools.get_by_role("button", name="Play next").click()
    until(lambda: queued(scene) == ["02", "04", "05", "01", "03", "06", "07", "08"])
    expect(page.locator("#proposals .toast-words")).to_have_text("Moved 3 tracks")
    expect(tools).to_be_hidden()

    # One undo for all of them.
    page.keyboard.press("u")
    until(lambda: queued(scene) == ["01", "02", "03", "04", "05", "06", "07", "08"])
    row(page, "Song 03").click(position=INSIDE)
    row(page, "Song 03").focus()
    for key in ("x", "Shift+ArrowDown", "Shift+ArrowDown"):
        page.keyboard.press(key)
    expect(tools).to_contain_text("3 selected")
    tools.get_by_role("button", name="To the end").click()
    until(lambda: queued(scene) == ["01", "02", "06", "07", "08", "03", "04", "05"])
    row(page, "Song 01").focus()
    page.keyboard.press("Control+a")
    expect(tools).to_contain_text("8 selected")
    page.keyboard.press("Escape")
    expect(tools).to_be_hidden()
    for key in ("x", "ArrowDown", "x"):
        page.keyboard.press(key)
    tools.get_by_role("button", name="Remove").click()
    until(lambda: queued(scene) == ["06", "07", "08", "03", "04", "05"])
    expect(page.locator("#proposals .toast-words")).to_have_text("Removed 2 tracks")
    page.keyboard.press("u")
    until(lambda: len(queued(scene)) == 8)
    assert window.complaints == []


def test_a_selected_row_that_others_remove_is_forgotten(desk: Desk, scene: Scene) -> None:
    fill(scene, 4)
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    for title in ("Song 02", "Song 03"):
        row(page, title).click(modifiers=["Control"], position=INSIDE)

    def remove() -> None:
        item = QueueItem.objects.get(track__title="Song 02")
        execute(scene.id, "RemoveItem", {"item_id": str(item.pk)}, origin=scene.owner)

    elsewhere(remove)
    tools = page.get_by_role("toolbar", name="Selected tracks")
    expect(tools).to_contain_text("1 selected")
    tools.get_by_role("button", name="Remove").click()
    until(lambda: queued(scene) == ["01", "04"])


# --- Keys ---


def test_the_list_is_one_tab_stop_and_its_keys_act_on_the_row(desk: Desk, scene: Scene) -> None:
    fill(scene, 6)
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    expect(page.locator('#queue [tabindex="0"]')).to_have_count(1)
    focused = page.locator(":focus")
    row(page, "Song 01").focus()
    for key, title in [
        ("ArrowDown", "Song 02"),
        ("End", "Song 06"),
        ("Home", "Song 01"),
        ("PageDown", "Song 06"),
        ("ArrowUp", "Song 05"),
    ]:
        page.keyboard.press(key)
        expect(focused).to_have_attribute("data-title", title)
    page.keyboard.press("ArrowRight")
    expect(focused).to_have_attribute("aria-label", "Move Song 05")
    page.keyboard.press("ArrowUp")
    expect(focused).to_have_attribute("aria-label", "Move Song 04")
    page.keyboard.press("ArrowLeft")
    for key, expected in [
        ("Alt+ArrowUp", ["01", "02", "04", "03", "05", "06"]),
        ("Alt+ArrowUp", ["01", "04", "02", "03", "05", "06"]),
        ("Alt+ArrowDown", ["01", "02", "04", "03", "05", "06"]),
        ("Alt+End", ["01", "02", "03", "05", "06", "04"]),
        ("Enter", ["04", "01", "02", "03", "05", "06"]),
    ]:
        page.keyboard.press(key)
        becomes(scene, page, expected)
        expect(focused).to_have_attribute("data-title", "Song 04")
    page.keyboard.press("Delete")
    until(lambda: queued(scene) == ["01", "02", "03", "05", "06"])
    expect(focused).to_have_attribute("data-title", "Song 01")


def test_keys_of_the_page_are_listed_and_can_be_switched_off(desk: Desk, scene: Scene) -> None:
    fill(scene, 3)
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)

    def player() -> Player:
        return elsewhere(lambda: Player.objects.get(pk=scene.id))

    page.keyboard.press(" ")
    expect(page.locator("#now-status")).to_have_text("Paused")
    until(lambda: player().paused)
    expect(page.locator("#pause[aria-busy]")).to_have_count(0)
    page.keyboard.press(" ")
    until(lambda: not player().paused)
    page.keyboard.press("l")
    until(lambda: player().loop == "queue")
    for _ in range(2):
        page.keyboard.press("[")
    until(lambda: player().volume == 90)
    page.keyboard.press("]")
    until(lambda: player().volume == 95)
    page.keyboard.press("s")
    expect(page.locator("#activity .deed").first).to_contain_text("You shuffled the queue")
    page.keyboard.press("u")
    until(lambda: queued(scene) == ["01", "02", "03"])
    page.keyboard.press("Control+l")
    page.keyboard.press("n")
    expect(page.locator("#activity .deed").first).to_contain_text("You skipped Song 00")
    assert player().loop == "queue"

    # They do nothing in a field, and nothing after they were switched off.
    page.keyboard.press("/")
    page.keyboard.type("n ?")
    expect(page.locator("#search-input")).to_have_value("n ?")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    assert examine(page) == []
    dialog.get_by_label("Use these shortcuts").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()
    page.reload()
    page.wait_for_selector("#connection[data-state=live]")
    page.keyboard.press("?")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="More for the queue").click()
    page.get_by_role("menuitem", name="Keyboard shortcuts").click()
    dialog.get_by_label("Use these shortcuts").check()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("l")
    page.wait_for_url(re.compile("/library$"))
    assert window.complaints == []


# --- Long queues ---


def fill_many(scene: Scene, count: int) -> None:
    def act() -> None:
        track = TrackFactory.create(title="Encore", duration_ms=60_000)
        Player.objects.update_or_create(pk=scene.id, defaults={"queue_total": count})
        QueueItem.objects.bulk_create(
            QueueItem(guild_id=scene.id, track=track, requested_by=scene.person, rank=number << 20)
            for number in range(count)
        )

    elsewhere(act)


def scripting_ms(page: Page) -> float:
    """Return how long the page's scripts take for each step of scrolling by nine rows."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable")

    def spent() -> float:
        metrics = devtools.send("Performance.getMetrics")["metrics"]
        return float(next(metric["value"] for metric in metrics if metric["name"] == "ScriptDuration"))

    before = spent()
    page.evaluate(
        """async () => {
          for (let step = 0; step < 30; step += 1) {
            scrollBy(0, -9 * 64);
            await new Promise(requestAnimationFrame);
            await new Promise(requestAnimationFrame);
          }
        }"""
    )
    return (spent() - before) * 1000 / 30


def test_of_ten_thousand_rows_only_those_in_view_are_in_the_page(desk: Desk, scene: Scene) -> None:
    fill_many(scene, 10_000)
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    rows = page.locator("#queue .row")
    expect(page.locator("#queue")).to_have_attribute("aria-rowcount", "10000")
    expect(page.locator("#queue-summary")).to_contain_text("10000 tracks · over")
    height = page.locator("#queue-rows").bounding_box()
    assert height
    assert height["height"] == 640_000
    assert rows.count() < 40
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/queue?after" in request.url else None)
    page.evaluate("window.scrollTo(0, 200 * 64)")
    expect(page.locator('#queue .row[aria-rowindex="205"][data-state="queued"]')).to_be_visible()
    assert 1 <= len(asked) <= 3
    assert rows.count() < 60

    # At the end all of it is loaded, and the last row is there.
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    last = page.locator('#queue .row[aria-rowindex="10000"]')
    expect(last).to_have_attribute("data-state", "queued", timeout=90_000)
    assert rows.count() < 60
    expect(page.locator("#queue-summary")).to_have_text("10000 tracks · 166 h 40 min")
    assert scripting_ms(page) < 60

    # A row far from the others keeps the focus while one scrolls, and the keys go on from there.
    page.locator("#queue .row[tabindex='0']").focus()
    page.keyboard.press("End")
    expect(page.locator(":focus")).to_have_attribute("aria-rowindex", "10000")
    page.evaluate("window.scrollTo(0, 0)")
    expect(page.locator('#queue .row[aria-rowindex="1"]')).to_be_in_viewport()
    page.keyboard.press("ArrowUp")
    expect(page.locator(":focus")).to_have_attribute("aria-rowindex", "9999")
    expect(page.locator(":focus")).to_be_in_viewport()
    page.keyboard.press("Delete")
    until(lambda: elsewhere(QueueItem.objects.filter(state="queued").count) == 9_999)
    expect(page.locator("#queue")).to_have_attribute("aria-rowcount", "9999")
    assert window.complaints == []


def test_a_track_moves_to_the_end_of_a_queue_that_is_loaded_in_part(desk: Desk, scene: Scene) -> None:
    fill_many(scene, 500)
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    first = elsewhere(lambda: QueueItem.objects.earliest("rank"))
    page.locator("#queue .row").first.focus()
    page.keyboard.press("Alt+End")
    until(lambda: elsewhere(lambda: QueueItem.objects.latest("rank")) == first)
    page.locator("#queue .row").first.focus()
    page.keyboard.press("m")
    page.get_by_label("Position in the queue").fill("321")
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.locator("#activity .deed").first).to_contain_text("You moved Encore")
    order = elsewhere(lambda: list(QueueItem.objects.order_by("rank").values_list("rank", flat=True)))
    assert len(order) == 500
    moved = elsewhere(lambda: [item.rank % (1 << 20) != 0 for item in QueueItem.objects.order_by("rank")])
    assert moved.index(True) == 320


# --- The player's tools ---


def test_the_volume_is_muted_and_keeps_its_number_at_every_width(desk: Desk, scene: Scene) -> None:
    fill(scene, 1)
    elsewhere(lambda: execute(scene.id, "SetVolume", {"volume": 70}, origin=scene.owner))
    page = desk.window(scene.owner_cookie).open_guild(scene.id)

    def volume() -> int:
        return elsewhere(lambda: Player.objects.get(pk=scene.id).volume)

    for width in (360, 768, 1100, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        control = page.locator("[data-volume]:visible")
        expect(control).to_have_count(1)
        control.get_by_role("button", name="Mute").click()
        until(lambda: volume() == 0)
        expect(control.locator("output")).to_have_text("70%")
        control.get_by_role("button", name="Unmute, to 70%").click()
        until(lambda: volume() == 70)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_bar_shows_the_time_under_the_pointer(desk: Desk, scene: Scene) -> None:
    fill(scene, 1)
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    box = page.locator("#seek").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#seek-hover span")).to_have_text(re.compile(r"1:(29|30)"))
    page.mouse.move(0, 0)
    expect(page.locator("#seek-hover")).to_be_hidden()


def test_a_finger_selects_by_a_long_press(desk: Desk, scene: Scene) -> None:
    fill(scene, 3)
    page = desk.window(scene.owner_cookie, size=PHONE).open_guild(scene.id, tab="queue")
    target = row(page, "Song 02")
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    assert box
    touch = page.context.new_cdp_session(page)
    point = {"x": box["x"] + 150, "y": box["y"] + 30}
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    expect(target).to_have_attribute("aria-selected", "true")
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.get_by_role("toolbar", name="Selected tracks")).to_contain_text("1 selected")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert examine(page) == []


def test_a_swipe_to_the_left_removes_with_an_undo(desk: Desk, scene: Scene) -> None:
    fill(scene, 4)
    page = desk.window(scene.owner_cookie, size=PHONE).open_guild(scene.id, tab="queue")
    touch = page.context.new_cdp_session(page)

    def swipe(title: str, *, px: int) -> None:
        row(page, title).scroll_into_view_if_needed()
        box = row(page, title).bounding_box()
        assert box
        x, y = box["x"] + 260, box["y"] + 30
        touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        for step in range(1, 9):
            point = {"x": x - px * step / 8, "y": y + step / 4}
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    swipe("Song 02", px=60)
    expect(row(page, "Song 02").locator(".row-uncovered")).to_have_count(0)
    swipe("Song 02", px=130)
    row(page, "Song 02").locator(".row-uncovered").click()
    until(lambda: queued(scene) == ["01", "03", "04"])
    swipe("Song 03", px=230)
    until(lambda: queued(scene) == ["01", "04"])
    page.locator("#proposals").get_by_role("button", name="Undo").click()
    until(lambda: queued(scene) == ["01", "03", "04"])
