"""Rows are dragged with a mouse, a finger and keys, while others change the queue and connections break."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, ViewportSize, expect

from guilds.models import GuildSettings
from queue_app.commands import execute
from queue_app.models import QueueItem
from realtime.models import Event
from tests.clients.browser import PHONE, Desk, elsewhere
from tests.clients.relay import Relay
from tests.clients.rows import fill, queued, row, shown
from tests.clients.scene import Scene
from tests.clients.test_accessibility import examine
from tests.factories import TrackFactory
from tests.waiting import until

# High enough for all rows: near the edges of the window a dragged row scrolls the page.
TALL: ViewportSize = {"width": 1440, "height": 1300}
IN_ORDER = ["01", "02", "03", "04", "05", "06"]


def handle(page: Page, title: str) -> Locator:
    return page.get_by_role("button", name=f"Move {title}", exact=True)


def middle(node: Locator) -> tuple[float, float]:
    box = node.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def grab(page: Page, title: str) -> tuple[float, float]:
    """Press the handle of a row. Returns where."""
    handle(page, title).scroll_into_view_if_needed()
    x, y = middle(handle(page, title))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 8)
    return x, y


def do(scene: Scene, name: str, title: str = "", **args: Any) -> None:
    """Run a command of somebody else, on the item with that title."""

    def act() -> None:
        item = {"item_id": str(QueueItem.objects.get(track__title=title).pk)} if title else {}
        execute(scene.id, name, item | args, origin=scene.owner)

    elsewhere(act)


def moves(scene: Scene) -> int:
    events = Event.objects.filter(store__name=f"guild:{scene.id}", name__in=["TrackMoved", "TracksMoved"])
    return elsewhere(events.count)


def becomes(scene: Scene, page: Page, *expected: str) -> None:
    """Wait until the database and the page have this order."""
    until(lambda: queued(scene) == list(expected))
    until(lambda: shown(page) == list(expected))


def test_a_row_is_dragged_with_the_mouse(desk: Desk, scene: Scene) -> None:
    fill(scene, 6)
    window = desk.window(scene.owner_cookie, size=TALL)
    page = window.open_guild(scene.id)
    x, y = grab(page, "Song 01")
    page.mouse.move(x, y + 64 * 3, steps=4)
    dragged = page.locator("#queue [data-dragged]")
    expect(dragged).to_have_attribute("data-title", "Song 01")
    assert shown(page) == ["02", "03", "04", "01", "05", "06"]
    assert queued(scene) == IN_ORDER
    page.mouse.up()
    assert shown(page) == ["02", "03", "04", "01", "05", "06"]
    becomes(scene, page, "02", "03", "04", "01", "05", "06")
    assert moves(scene) == 1
    expect(page.locator("#proposals .toast-words")).to_have_text("Moved Song 01")
    page.keyboard.press("u")
    becomes(scene, page, *IN_ORDER)

    # A press that moves nothing, and one that Escape ends, change nothing.
    x, y = grab(page, "Song 02")
    page.mouse.move(x, y + 90)
    page.keyboard.press("Escape")
    assert shown(page) == IN_ORDER
    page.mouse.up()
    x, y = grab(page, "Song 02")
    page.mouse.move(x, y + 100)
    page.mouse.move(x, y)
    page.mouse.up()
    assert shown(page) == IN_ORDER
    assert moves(scene) == 2
    assert window.complaints == []


def test_a_row_is_dragged_beyond_the_window(desk: Desk, scene: Scene) -> None:
    fill(scene, 60)
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    x, _ = grab(page, "Song 02")
    page.mouse.move(x, 790, steps=3)
    until(lambda: page.evaluate("scrollY + innerHeight >= document.documentElement.scrollHeight - 60"))
    until(lambda: (page.locator("#queue [data-dragged]").get_attribute("aria-rowindex") or "0") >= "55")
    page.mouse.up()
    until(lambda: queued(scene).index("02") > 50)
    assert sorted(queued(scene)) == [f"{number:02}" for number in range(1, 61)]


def test_a_row_is_dragged_with_a_finger(desk: Desk, scene: Scene) -> None:
    fill(scene, 6)
    window = desk.window(scene.owner_cookie, size=PHONE)
    page = window.open_guild(scene.id, tab="queue")
    touch = page.context.new_cdp_session(page)
    page.locator("#queue").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('#queue').scrollIntoView({ block: 'start' }); scrollBy(0, -120)")
    x, y = middle(handle(page, "Song 01"))

    def send(kind: str, *points: dict[str, float]) -> None:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    before = page.evaluate("scrollY")
    send("touchStart", {"x": x, "y": y})
    for step in range(1, 9):
        send("touchMove", {"x": x, "y": y + 16 * step})
    expect(page.locator("#queue [data-dragged]")).to_have_attribute("data-title", "Song 01")
    assert page.evaluate("scrollY") == before, "the page does not scroll under the finger"
    send("touchEnd")
    becomes(scene, page, "02", "03", "01", "04", "05", "06")

    # The system takes the finger away: the row goes back.
    send("touchStart", {"x": x, "y": y})
    for step in range(1, 5):
        send("touchMove", {"x": x, "y": y + 20 * step})
    expect(page.locator("#queue [data-dragged]")).to_have_count(1)
    send("touchCancel")
    expect(page.locator("#queue [data-lifted]")).to_have_count(0)
    assert shown(page) == ["02", "03", "01", "04", "05", "06"]
    assert moves(scene) == 1
    assert window.complaints == []


def test_a_row_is_lifted_moved_and_dropped_by_key(desk: Desk, scene: Scene) -> None:
    fill(scene, 6)
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id, tab="queue")
    said, lifted = page.locator("#announcer"), page.locator("#queue [data-lifted]")
    handle(page, "Song 02").focus()
    page.keyboard.press(" ")
    expect(said).to_have_text(
        "Lifted Song 02. Position 2 of 6. Move with the arrow keys, drop with Space, put back with Escape."
    )
    expect(lifted).to_have_attribute("data-title", "Song 02")
    assert examine(page) == []
    for key, where, order in [
        ("ArrowDown", 3, ["01", "03", "02", "04", "05", "06"]),
        ("End", 6, ["01", "03", "04", "05", "06", "02"]),
        ("ArrowDown", 6, ["01", "03", "04", "05", "06", "02"]),
        ("Home", 1, ["02", "01", "03", "04", "05", "06"]),
    ]:
        page.keyboard.press(key)
        expect(said).to_have_text(f"Position {where} of 6")
        assert shown(page) == order
        expect(page.locator(":focus")).to_have_attribute("aria-label", "Move Song 02")
    assert queued(scene) == IN_ORDER
    page.keyboard.press("Escape")
    expect(said).to_have_text("Put back in its old place.")
    assert shown(page) == IN_ORDER

    page.keyboard.press(" ")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    becomes(scene, page, "01", "03", "04", "02", "05", "06")
    expect(page.locator(":focus")).to_have_attribute("aria-label", "Move Song 02")

    # Whoever goes elsewhere has not dropped it.
    page.keyboard.press(" ")
    page.keyboard.press("ArrowUp")
    page.locator("#search-input").focus()
    expect(lifted).to_have_count(0)
    assert shown(page) == ["01", "03", "04", "02", "05", "06"]
    assert moves(scene) == 1
    assert window.complaints == []


def test_all_that_are_selected_are_dragged_with_one_undo(desk: Desk, scene: Scene) -> None:
    fill(scene, 6)
    page = desk.window(scene.owner_cookie, size=TALL).open_guild(scene.id)
    for title in ("Song 01", "Song 03", "Song 06"):
        row(page, title).click(modifiers=["Control"], position={"x": 300, "y": 20})
    x, y = grab(page, "Song 03")
    page.mouse.move(x, y + 64, steps=3)
    expect(page.locator("#queue [data-dragged] .row-count")).to_have_text("3")
    assert shown(page) == ["02", "04", "03", "05"] or shown(page) == ["02", "04", "05", "03"]
    page.mouse.move(x, y - 64, steps=3)
    assert shown(page) == ["02", "03", "04", "05"]
    page.mouse.up()
    becomes(scene, page, "02", "01", "03", "06", "04", "05")
    assert moves(scene) == 1
    page.keyboard.press("u")
    becomes(scene, page, *IN_ORDER)


def test_a_queue_that_others_change_keeps_the_row_between_its_neighbors(desk: Desk, scene: Scene) -> None:
    fill(scene, 6)
    page = desk.window(scene.member_cookie, size=TALL).open_guild(scene.id)
    x, y = grab(page, "Song 01")
    page.mouse.move(x, y + 64 * 3, steps=3)
    assert shown(page) == ["02", "03", "04", "01", "05", "06"]
    do(scene, "RemoveItem", "Song 02")
    expect(row(page, "Song 02")).to_have_count(0)
    do(scene, "MoveItem", "Song 06", after=None)
    until(lambda: shown(page) == ["06", "03", "04", "01", "05"])
    # Its neighbor goes: it keeps its place behind the one before that.
    do(scene, "RemoveItem", "Song 04")
    until(lambda: shown(page) == ["06", "03", "01", "05"])
    page.mouse.up()
    becomes(scene, page, "06", "03", "01", "05")

    # The row itself goes.
    handle(page, "Song 05").focus()
    page.keyboard.press(" ")
    page.keyboard.press("ArrowUp")
    do(scene, "RemoveItem", "Song 05")
    expect(page.locator("#toasts")).to_contain_text("“Song 05” is no longer in the queue.")
    becomes(scene, page, "06", "03", "01")


def test_a_refused_drop_goes_back_with_the_reason(desk: Desk, scene: Scene) -> None:
    fill(scene, 4)
    page = desk.window(scene.member_cookie, size=TALL).open_guild(scene.id)
    x, y = grab(page, "Song 04")
    page.mouse.move(x, y - 64 * 3, steps=3)
    elsewhere(lambda: GuildSettings.objects.filter(guild=scene.guild).update(may_move="dj"))  # not known yet
    page.mouse.up()
    expect(page.locator("#toasts")).to_contain_text("Could not move “Song 04”.")
    becomes(scene, page, "01", "02", "03", "04")


def test_a_drop_without_a_connection_is_kept_and_sent_later(desk: Desk, relay: Relay, scene: Scene) -> None:
    fill(scene, 4)
    page = desk.window(scene.owner_cookie, size=TALL).open_guild(scene.id)
    x, y = grab(page, "Song 04")
    page.mouse.move(x, y - 64 * 2, steps=3)
    relay.take_away()
    expect(page.locator("#connection")).to_have_text("Offline")
    expect(page.locator("#queue [data-dragged]")).to_have_attribute("data-title", "Song 04")
    page.mouse.up()
    expect(page.locator("#toasts")).to_contain_text(
        "The move of Song 04 is kept and sent when you are back online."
    )
    assert shown(page) == ["01", "04", "02", "03"]
    expect(row(page, "Song 04")).to_contain_text("will be moved")
    assert queued(scene) == ["01", "02", "03", "04"]
    relay.give_back()
    expect(page.locator("#connection")).to_have_text("Live")
    becomes(scene, page, "01", "04", "02", "03")


def test_titles_of_any_kind_are_text_of_one_line(desk: Desk, scene: Scene) -> None:
    titles: list[str] = [
        "<b>bold</b> & <script>",
        "雨の港町、最終便のあとで " * 20,
        "موسيقى المرفأ القديم",
        "🏴‍☠️" * 60,
    ]

    def add_all() -> None:
        for title in titles:
            track = TrackFactory.create(title=title[:300])
            execute(scene.id, "AddTrack", {"query": track.uri}, origin=scene.owner)

    elsewhere(add_all)
    window = desk.window(scene.owner_cookie, size=TALL)
    page = window.open_guild(scene.id)
    lines = page.locator("#queue .line-title")
    expect(lines).to_have_text([title[:300].strip() for title in titles])
    for number in range(4):
        expect(lines.nth(number)).to_have_attribute("dir", "auto")
        assert lines.nth(number).evaluate("node => node.getClientRects().length") == 1
    boxes = [page.locator("#queue .row").nth(place).bounding_box() for place in range(4)]
    assert {box and box["height"] for box in boxes} == {64}
    page.get_by_role("button", name=f"More for {titles[0]}", exact=True).click()
    expect(page.get_by_role("menu", name=f"More for {titles[0]}")).to_be_visible()
    assert window.complaints == []
