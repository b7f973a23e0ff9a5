"""The guild page describes the player's state, and each state has a button for the next step."""

from __future__ import annotations

import json
import re
from uuid import UUID

from playwright.sync_api import Page, Route, expect

from guilds.models import Channel
from queue_app.commands import execute
from queue_app.domain import playback
from queue_app.models import Player, QueueItem
from tests.clients.browser import PHONE, Desk, elsewhere, show_tab
from tests.clients.relay import Relay
from tests.clients.rows import choose
from tests.clients.scene import BOT_PROCESS, Scene
from tests.clients.test_accessibility import examine
from tests.factories import ChannelFactory, TrackFactory, sit
from tests.waiting import until


def kicker(page: Page) -> str:
    return page.locator("#now-status").inner_text()


def observe(scene: Scene, code: str, detail: str) -> None:
    elsewhere(lambda: playback.report_error(scene.id, owner=BOT_PROCESS, code=code, detail=detail))


def player(scene: Scene) -> Player:
    return elsewhere(lambda: Player.objects.get(pk=scene.id))


def test_without_a_connection_nothing_is_shown_as_live(desk: Desk, relay: Relay, scene: Scene) -> None:
    scene.add("moss")
    scene.add("cold harbour")
    scene.play()
    page = desk.window(scene.owner_cookie, size=PHONE).open_guild(scene.id)
    now, position, round_button = page.locator("#now"), page.locator("#position"), page.locator("#pause")
    expect(page.locator("#now-status")).to_have_text("Now playing")
    expect(now).to_have_attribute("data-sound", "")
    expect(page.locator("#queue .line-sub")).to_contain_text("in 0:")

    relay.take_away()
    expect(page.locator("#now-status")).to_have_text(re.compile(r"^Offline since \d\d:\d\d$"))
    expect(page.locator("#connection")).to_have_text("Offline")
    expect(page).to_have_title("Sandbox Lounge · Backline")
    stood = position.text_content()
    assert stood
    expect(now).not_to_have_attribute("data-sound", "")
    expect(now).to_have_attribute("data-cold", "")
    expect(page.locator("#player-problem")).to_contain_text(f"the last known state, at {stood}")
    expect(page.locator("#queue .line-sub")).not_to_contain_text("in 0:")
    art = "art => getComputedStyle(art).filter"
    until(lambda: page.locator("#now-art").evaluate(art).startswith("grayscale"))
    glow = "now => getComputedStyle(now, '::before').opacity"
    until(lambda: now.evaluate(glow) == "0")

    # Changes are queued, counted and shown. The round button queues a pause, and undoes it.
    show_tab(page, "Queue")
    page.locator("#search-input").fill("harbour lights")
    page.locator("#search-input").press("Enter")
    choose(page, "Cold Harbour", "Remove")
    expect(page.locator("#connection")).to_have_text("2 unsent changes")
    for name, changes in (("Pause", "3 changes"), ("Resume", "2 changes"), ("Pause", "3 changes")):
        expect(round_button).to_have_attribute("aria-label", f"{name} when you are back online")
        round_button.click()
        expect(page.locator("#player-problem")).to_contain_text(
            f"{changes} will be sent when you are back online."
        )
    show_tab(page, "Playing")
    page.get_by_role("button", name="Show 3 changes").click()
    expect(page.locator("#queue .line-sub")).to_contain_text(["will be removed", "waiting to be sent"])
    assert position.text_content() == stood
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert examine(page) == []

    relay.give_back()
    page.get_by_role("button", name="Reconnect").click()
    expect(page.locator("#connection")).to_have_text("Live")
    expect(page.locator("#now-status")).to_have_text("Paused")
    expect(page.locator("#queue .line-title")).to_have_text(["Harbour Lights"])
    expect(now).not_to_have_attribute("data-cold", "")
    until(lambda: player(scene).paused)  # the page shows it before the server knows


def test_the_voice_channel_is_left_and_found_again(desk: Desk, scene: Scene) -> None:
    scene.add("moss")
    scene.play()
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    voice = page.get_by_role("combobox", name="Voice channel")
    voice.select_option(label="No voice channel")
    expect(page.locator("#now-status")).to_have_text("Stopped")
    expect(voice).to_have_value("")
    until(lambda: (player(scene).voice_channel_id, player(scene).stopped) == (None, True))

    # The user's own voice channel is offered first, otherwise the one where it played last.
    expect(page.get_by_role("button", name="Join Stage left")).to_be_visible()
    back_room = elsewhere(
        lambda: ChannelFactory.create(guild=scene.guild, voice=True, name="Back \u202e room", position=1)
    )
    elsewhere(lambda: sit(scene.person, back_room))
    page.reload()
    page.get_by_role("button", name="Join \u2068Back \u202e room\u2069").click()
    expect(voice).to_have_value(back_room.pk)
    until(lambda: (player(scene).voice_channel_id, player(scene).stopped) == (back_room.pk, False))
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#now-status")).to_have_text("Paused")
    expect(page.locator("#player-problem")).to_have_text("Paused by you just now")


def test_what_is_refused_goes_back_to_what_is_so(desk: Desk, scene: Scene) -> None:
    scene.add("moss")
    scene.play()
    elsewhere(lambda: sit(scene.person, Channel.objects.get(pk=scene.channel_id)))
    page = desk.window(scene.member_cookie).open_guild(scene.id)
    volume, voice = page.locator("#volume-range"), page.locator("#voice-channel")
    volume.fill("40")
    expect(page.locator(".toast")).to_contain_text("Only people in the bot's voice channel")
    expect(volume).to_have_value("100")
    page.get_by_role("button", name="Dismiss").click()
    voice.select_option("")
    expect(page.locator(".toast")).to_have_count(1)
    expect(voice).to_have_value(scene.channel_id)
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".toast")).to_have_count(1)
    expect(page.locator("#now-status")).to_have_text("Now playing")


def test_each_fault_has_its_words_and_a_way_out(desk: Desk, scene: Scene) -> None:
    scene.add("moss")
    scene.play()
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    round_button, lamp = page.locator("#pause"), page.locator("#now")
    other = elsewhere(
        lambda: ChannelFactory.create(guild=scene.guild, voice=True, name="Back room", position=1)
    )
    page.reload()
    for code, words, light, button in [
        ("SERVER_MUTED", "Server muted", "bad", "Pause"),
        ("NOT_ALLOWED_TO_SPEAK", "Cannot speak in the channel", "need", "Choose a channel"),
        ("CHANNEL_FULL", "The channel is full", "need", "Choose a channel"),
        ("CANNOT_CONNECT", "Cannot join the channel", "need", "Choose a channel"),
        ("UNKNOWN_CHANNEL", "Channel not found", "need", "Choose a channel"),
        ("VOICE_FAILED", "No voice connection", "bad", "Retry"),
        ("VOICE_REFUSED", "Discord refused the connection", "bad", "Retry"),
    ]:
        observe(scene, code, f"This is what {code} is about.")
        expect(page.locator("#now-status")).to_have_text(words)
        expect(page.locator("#player-problem")).to_have_text(f"This is what {code} is about.")
        expect(lamp).to_have_attribute("data-lamp", light)
        expect(page.locator("#now-acts .button").first).to_have_text(button)
        expect(round_button).to_be_enabled()
        assert page.locator("#pause").evaluate("button => button.matches('[data-quiet]')") == (
            light == "bad" and button == "Pause"
        )
    elsewhere(lambda: Channel.objects.filter(pk=scene.channel_id).update(type=13))
    observe(scene, "NOT_ALLOWED_TO_SPEAK", "Backline asked to speak.")
    page.reload()
    expect(page.locator("#now-status")).to_have_text("Asked to speak")
    round_button.click()
    expect(page.locator("#voice-channel")).to_be_focused()
    page.locator("#voice-channel").select_option(other.pk)
    expect(page.locator("#player-problem")).to_be_hidden()
    assert window.complaints == []


FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 Family"
ARABIC = "موسيقى المرفأ القديم وأغنيات البحارة العائدين من الشمال " * 6
TITLES = [
    "W" * 300,
    "A long title " * 25,
    ARABIC[:300],
    f"\u202e{FAMILY}",
    "Z\u0351\u036b\u0343\u036aalgo " * 20,
]
LEFT = "node => Math.round(node.getBoundingClientRect().left)"
TEXT_LEFT = """node => {
  const range = document.createRange();
  range.selectNodeContents(node);
  const box = node.getBoundingClientRect().left + parseFloat(getComputedStyle(node).paddingLeft);
  return Math.round(Math.max(box, Math.min(...[...range.getClientRects()].map(({ left }) => left))));
}"""


def test_long_and_foreign_titles_keep_their_place(desk: Desk, scene: Scene) -> None:
    def queue_all() -> None:
        for place, title in enumerate([ARABIC[:40], *TITLES]):
            track = TrackFactory.create(title=title, artist="فرقة المرفأ", search_text=f"t{place}")
            execute(scene.id, "AddTrack", {"query": track.uri}, origin=scene.owner)

    elsewhere(lambda: scene.rename("فرقة \u202e المرفأ"))
    elsewhere(queue_all)
    scene.play()
    page = desk.window(scene.owner_cookie, size={"width": 360, "height": 740}).open_guild(
        scene.id, tab="queue"
    )
    lines, title = page.locator("#queue .line-title"), page.locator("#now-title")
    expect(lines).to_have_text([t.strip() for t in TITLES])
    assert FAMILY in lines.nth(3).inner_text()
    lefts = {lines.nth(place).evaluate(TEXT_LEFT) for place in range(2, 5)}
    assert lefts == {lines.first.evaluate(LEFT)}, "one edge"
    assert lines.nth(2).evaluate("node => getComputedStyle(node).direction") == "rtl"
    boxes = [page.locator("#queue .row").nth(place).bounding_box() for place in range(5)]
    assert {box and box["height"] for box in boxes} == {64}
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    # Any of these titles may be playing: it takes at most two lines, which start at the page's left edge.
    show_tab(page, "Playing")
    edge = page.locator("#now-status").evaluate(LEFT)
    for each in TITLES:
        elsewhere(lambda: execute(scene.id, "Skip", {}, origin=scene.owner))
        elsewhere(lambda: playback.start_next(scene.id, owner=BOT_PROCESS))
        expect(title).to_have_text(each.strip())
        box = title.evaluate("node => [node.clientHeight, parseFloat(getComputedStyle(node).lineHeight)]")
        assert box[0] <= 2 * box[1] + 1, each
        assert abs(title.evaluate(TEXT_LEFT) - edge) <= 1, each
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    expect(page.locator("#activity .deed").first.locator("bdi").first).to_have_text("You")


def test_a_long_queue_leaves_feed_and_player_within_reach(desk: Desk, scene: Scene) -> None:
    def fill() -> None:
        for track in TrackFactory.create_batch(100):
            execute(scene.id, "AddTrack", {"query": track.uri}, origin=scene.owner)

    elsewhere(fill)
    page = desk.window(scene.member_cookie, size=PHONE).open_guild(scene.id, tab="activity")
    expect(page.locator("#queue-summary")).to_contain_text("100 tracks")
    feed = page.locator("#activity .deed")
    expect(feed.first).to_be_in_viewport()
    expect(feed.nth(20)).to_be_visible()
    page.set_viewport_size({"width": 800, "height": 1000})  # between a phone and a wide window
    expect(feed.nth(1)).to_be_visible()
    expect(feed.nth(2)).to_be_hidden()
    page.get_by_role("button", name="Show more").click()
    expect(feed.nth(20)).to_be_visible()
    page.get_by_role("button", name="Show less").click()
    expect(feed.nth(2)).to_be_hidden()

    page.set_viewport_size({"width": 1440, "height": 900})
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(feed.first).to_be_in_viewport()
    page.evaluate("window.scrollTo(0, 0)")
    page.locator("#search-input").focus()
    stops = 0
    while not page.locator("#pause").evaluate("button => button === document.activeElement"):
        page.keyboard.press("Tab")
        stops += 1
        assert stops < 10


def test_a_search_without_a_result_offers_nothing_to_add(desk: Desk, scene: Scene) -> None:
    elsewhere(
        lambda: [
            TrackFactory.create(title="Intro", album="One" if n < 2 else None, search_text="intro")
            for n in range(8)
        ]
    )
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    box, note, keys = (
        page.locator("#search-input"),
        page.locator("#search-note"),
        page.locator("#search-keys"),
    )
    box.fill("no such thing")
    expect(note).to_have_text("Nothing in the library matches “no such thing”.")
    expect(keys).to_be_hidden()
    for key in ("Enter", "Shift+Enter", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(box).to_have_value("no such thing")

    # A user who submits before the search has finished gets the same message.
    box.fill("nor such a thing")
    page.keyboard.press("Enter")
    expect(note).to_have_text("Nothing in the library matches “nor such a thing”.")
    expect(box).to_have_value("nor such a thing")
    box.fill("🎉")
    expect(note).to_have_text("Nothing in the library matches “🎉”.")
    page.keyboard.press("Enter")
    expect(box).to_have_value("🎉")
    assert not elsewhere(QueueItem.objects.exists)

    # Eight tracks with one name are eight rows that differ.
    box.fill("intro")
    rows = page.locator(".result .line-sub")
    expect(rows).to_have_count(8)
    expect(keys).to_be_visible()
    output = rows.all_inner_texts()
    assert len(set(output)) == 8
    assert output[0] == "The Testers · One · 1 of 2"


def test_paused_and_empty_one_adds_and_it_plays(desk: Desk, scene: Scene) -> None:
    scene.add("moss")
    scene.play()
    page = desk.window(scene.owner_cookie).open_guild(scene.id)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Skip this track").click()
    expect(page.locator("#now-status")).to_have_text("Paused")
    expect(page.locator("#now-artist")).to_have_text("Paused by you just now")
    expect(page.locator("#pause")).to_have_attribute("aria-label", "Search for music")
    page.get_by_role("button", name="Add music").click()
    expect(page.locator("#search-input")).to_be_focused()
    page.keyboard.type("moss")
    page.keyboard.press("Enter")
    expect(page.locator("#queue .line-title")).to_have_text(["Moss"])
    assert not player(scene).paused
    scene.play()
    expect(page.locator("#now-status")).to_have_text("Now playing")


def test_what_failed_is_kept_with_its_reason_and_tried_again(desk: Desk, scene: Scene) -> None:
    window = desk.window(scene.owner_cookie, size=PHONE, scheme="light")
    page = window.open_guild(scene.id, tab="queue")
    scene.add("moss")
    scene.play()
    scene.add("cold harbour")
    item = elsewhere(lambda: QueueItem.objects.get(state="queued"))

    def fail(item_id: UUID) -> None:
        elsewhere(
            lambda: playback.fail_queued(
                scene.id,
                item_id=item_id,
                code="HTTP_404",
                detail="The station answered 404.",
                owner=BOT_PROCESS,
            )
        )

    fail(item.pk)
    failed = page.locator("#queue [data-failed]")
    expect(failed).to_contain_text("The station answered 404.")
    expect(page.locator("#queue-summary")).to_have_text("")
    assert examine(page) == []
    page.reload()
    expect(failed).to_have_count(1)
    page.get_by_role("button", name="Retry Cold Harbour").click()
    expect(failed).to_have_count(0)
    expect(page.locator("#queue .line-title")).to_have_text(["Cold Harbour"])
    expect(page.locator("#queue-summary")).to_contain_text("1 track")

    again = elsewhere(lambda: QueueItem.objects.get(state="queued"))
    assert again.pk != item.pk
    fail(again.pk)
    choose(page, "Cold Harbour", "Remove")
    expect(failed).to_have_count(0)
    expect(page.locator("#queue-empty")).to_be_visible()
    assert window.complaints == []


def test_hearts_are_asked_for_once_while_a_slow_answer_is_on_its_way(desk: Desk, scene: Scene) -> None:
    window = desk.window(scene.owner_cookie)
    page = window.open_guild(scene.id)
    asked: list[list[str]] = []

    def hold(route: Route) -> None:
        asked.append(json.loads(route.request.post_data or "")["uris"])
        if len(asked) == 1:
            scene.add("cold harbour")
            expect(page.locator("#queue .line-title")).to_have_text(["Moss", "Cold Harbour"])
        route.continue_()

    page.route("**/api/favorites/among", hold)
    scene.add("moss")
    hearts = page.locator("#queue [aria-label*=favorites]")
    expect(hearts).to_have_count(2)
    page.wait_for_timeout(600)  # twice as long as the page gathers questions
    assert [len(uris) for uris in asked] == [1, 1]
    assert window.complaints == []
