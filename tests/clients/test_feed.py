"""The guild page's activity feed: each action appears once, also if it has several events."""

from __future__ import annotations

import json
import re

from django.conf import settings
from playwright.sync_api import WebSocketRoute, expect

from queue_app.commands import execute
from queue_app.models import QueueItem
from tests.clients.browser import Desk, elsewhere
from tests.clients.relay import Relay
from tests.clients.scene import Scene
from tests.factories import TrackFactory

DRAWN = "use => use.getBoundingClientRect().width > 0"


def test_clearing_is_one_deed_and_takes_the_failed_ones_too(desk: Desk, scene: Scene) -> None:
    def fill() -> None:
        for track in TrackFactory.create_batch(205):
            execute(scene.id, "AddTrack", {"query": track.uri}, origin=scene.owner)

    elsewhere(fill)
    for number in range(2):
        scene.fail(f"Song that fails {number}")
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    deeds, clear = page.locator("#activity .deed-words"), page.get_by_role("button", name="Clear", exact=True)
    expect(page.locator("#queue [data-failed]")).to_have_count(2)
    clear.click()
    expect(page.locator("#queue-empty")).to_be_visible()
    expect(clear).to_be_hidden()
    expect(deeds.first).to_have_text("You cleared the queue: 205 tracks, 2 failed tracks")
    expect(deeds.nth(1)).to_contain_text("could not play")
    assert not elsewhere(QueueItem.objects.filter(state="queued").exists)
    page.reload()
    expect(deeds.first).to_have_text("You cleared the queue: 205 tracks, 2 failed tracks")
    expect(deeds.nth(1)).to_contain_text("could not play")

    scene.fail("Another")
    expect(page.locator("#queue [data-failed]")).to_have_count(1)
    clear.click()
    expect(page.locator("#queue-empty")).to_be_visible()
    expect(deeds.first).to_have_text("You cleared 1 failed track")
    scene.fail("And another")
    clear.click()
    expect(deeds.first).to_have_text("You cleared 1 failed track")
    expect(deeds.filter(has_text="cleared")).to_have_count(3)
    assert window.complaints == []


def test_a_retry_is_told_as_one_and_a_second_press_meets_no_other_row(desk: Desk, scene: Scene) -> None:
    for name in ("first", "second"):
        scene.fail(f"The {name} song")
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    failed, deeds = page.locator("#queue [data-failed]"), page.locator("#activity .deed-words")
    expect(failed).to_have_count(2)
    box = page.get_by_role("button", name="Retry The first song").bounding_box()
    assert box
    page.mouse.click(box["x"] + 5, box["y"] + 5)
    expect(page.locator("#queue .line-title")).to_have_text(["The second song", "The first song"])
    page.mouse.click(box["x"] + 5, box["y"] + 5)
    expect(deeds.first).to_have_text("You retried The first song")
    expect(deeds.nth(1)).to_contain_text("could not play The second song")
    expect(failed).to_have_count(1)
    # A moment later its place is free, and the other one can be clicked.
    expect(page.locator(".row-kept")).to_have_count(0)
    expect(failed).to_have_count(1)
    page.get_by_role("button", name="Retry The second song").click()
    expect(failed).to_have_count(0)
    expect(deeds.first).to_have_text("You retried The second song")


def test_the_past_is_read_again_where_the_connection_was_lost_before_it_came(
    desk: Desk, scene: Scene
) -> None:
    scene.add("moss")
    context = desk.context(scene.owner_cookie)
    context.add_init_script("delete globalThis.SharedWorker;")  # Playwright cannot route a worker's sockets
    page = context.new_page()
    reads = 0

    def pass_on(route: WebSocketRoute) -> None:
        server = route.connect_to_server()

        def upwards(message: str | bytes) -> None:
            nonlocal reads
            frame = json.loads(message)
            if frame["type"] == "pull" and frame.get("live") is False:
                reads += 1
                if reads == 1:
                    server.close()
                    route.close(code=1012)
                    return
            server.send(message)

        route.on_message(upwards)

    page.route_web_socket(re.compile("/sync$"), pass_on)
    page.goto(f"{settings.API_BASE_URL}/guilds/{scene.id}")
    expect(page.locator("#activity .deed-words")).to_have_text(["You added Moss"], timeout=20_000)
    assert reads == 2
    expect(page.locator(".toast")).to_have_count(0)


def test_icons_are_drawn_without_asking_the_server(desk: Desk, relay: Relay, scene: Scene) -> None:
    scene.add("moss")
    page = desk.window(scene.owner_cookie).page
    page.route("**/*.svg*", lambda route: route.abort())
    page.goto(f"{settings.API_BASE_URL}/guilds/{scene.id}")
    page.wait_for_selector("#connection[data-state=live]")
    relay.take_away()
    again = page.get_by_role("button", name="Reconnect")
    expect(again).to_be_visible()
    assert again.locator("use").evaluate(DRAWN)
