"""The streams' pages in Chromium with its fake camera: one page's picture moves on another."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import User
from alerts.models import AlertRule
from realtime.models import Event, Store, new_epoch
from streams.domain import streams
from streams.models import Stream, StreamGrant
from tests.clients.browser import CAMERA, CAMERA_REFUSED, PHONE, Desk, elsewhere, launch, login_cookie
from tests.clients.relay import Relay
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, RoleFactory, UserFactory
from tests.server import Server
from tests.streams.device import JPEG, make_person

HOSTILE = "<img src=x onerror=document.title=1> \u202e " + "w" * 60


@pytest.mark.django_db
def test_each_sees_what_their_rights_allow(client: Client) -> None:
    owner, writer, reader, stranger = (
        UserFactory.create(username=name) for name in ("owner", "writer", "reader", "stranger")
    )
    stream = streams.create_stream(owner, stream_id="cam", name="Hall")
    streams.share_with_user(stream, writer, write=True)
    streams.share_with_user(stream, reader, write=False)
    assert client.get("/streams").status_code == client.get("/streams/cam").status_code == 302

    def parts(user: User) -> list[str]:
        client.force_login(user)
        answer = client.get("/streams/cam")
        if answer.status_code != 200:
            return [str(answer.status_code)]
        text = answer.content.decode()
        return [
            each for each in ("camera-toggle", "present-title", "sharing-title") if f'id="{each}"' in text
        ]

    def listed(user: User) -> bool:
        client.force_login(user)
        return 'href="/streams/cam"' in client.get("/streams").content.decode()

    assert parts(owner) == ["camera-toggle", "present-title", "sharing-title"]
    assert parts(writer) == ["camera-toggle", "present-title"]
    assert parts(reader) == ["present-title"]
    assert parts(stranger) == ["404"]
    streams.change_stream(stream, public=True)
    assert parts(stranger) == []
    assert [listed(each) for each in (owner, writer, reader, stranger)] == [True, True, True, False]


def see_it_move(page: Page) -> None:
    """The fake camera shows a clock and a turning disc."""
    expect(page.locator("#stage")).to_have_attribute("data-state", "live")
    for _ in range(3):
        before = page.evaluate("document.querySelector('#picture').toDataURL()")
        page.wait_for_function(
            "before => document.querySelector('#picture').toDataURL() !== before", arg=before
        )


def test_one_page_streams_and_another_sees_it_move(server: Server, desk: Desk) -> None:
    owner, reader = UserFactory.create(username="owner"), UserFactory.create(display_name=HOSTILE[:32])
    guild = GuildFactory.create(name="Lounge")
    MembershipFactory.create(user=owner, guild=guild, owner=True)
    MembershipFactory.create(
        user=reader, guild=guild, role_ids=[RoleFactory.create(guild=guild, name="DJ").pk]
    )
    cookies = login_cookie(owner), login_cookie(reader)
    service = make_person(owner)
    mine, theirs = desk.window(cookies[0]), desk.window(cookies[1], size=PHONE, scheme="light")

    # A stream is created in a dialog, which shows what is wrong with an id.
    page = mine.open("/streams")
    page.get_by_role("button", name="New stream").click()
    page.get_by_label("Name").fill(HOSTILE)
    page.get_by_label("ID").fill("no spaces")
    page.keyboard.press("Enter")
    expect(page.locator("#create-problem")).to_have_text(re.compile("Not created. Must be 1 to 64 letters"))
    mine.complaints.clear()  # the browser logs the 400
    page.get_by_label("ID").fill("hall-cam")
    page.keyboard.press("Enter")
    page.wait_for_url("**/streams/hall-cam")
    expect(page.locator("#stage-words")).to_have_text("No one is streaming")
    expect(page.locator("#stream-name")).to_have_text(HOSTILE.strip())

    # Shared with a role.
    share = page.get_by_role("button", name="Share", exact=True)
    share.click()
    expect(page.locator("#share-problem")).to_have_text("Choose who to share the stream with.")
    page.get_by_label("Share with").select_option(label="DJ")
    share.click()
    expect(page.locator("#members")).to_contain_text("DJ in Lounge")
    other = theirs.open("/streams/hall-cam")
    expect(other.locator("#connection")).to_have_text("Live")

    # The picture is uploaded and shown, with its statistics.
    page.get_by_label("Resolution").select_option("320")
    page.get_by_role("button", name="Start streaming").click()
    for each in (page, other):
        see_it_move(each)
        expect(each.locator("#figure-latency")).to_have_text(re.compile(r"^\d+ ms$"))
        expect(each.locator("#figure-rate")).to_have_text(re.compile(r"^\d+\.\d fps$"))
        expect(each.locator("#figure-size")).to_have_text("320 × 240")
    expect(page.locator("#camera-figures")).to_contain_text("frames per second")
    expect(other.locator("#present")).to_contain_text("Owner · sending and watching")
    expect(page.locator("#present")).to_contain_text(f"{HOSTILE[:32].strip()} · watching")

    # An alert appears on both pages with the picture of its moment. Older alerts are loaded in pages.
    with service.on(server, "hall-cam", produces=["alert"]) as detector:
        detector.send({"type": "alert", "level": "high", "text": HOSTILE})
        for each in (page, other):
            expect(each.locator(".alert[data-level=high] .alert-words")).to_contain_text(HOSTILE.strip())
            expect(each.locator(".alert img")).to_have_js_property("naturalWidth", 320)
        for number in range(22):
            assert (
                detector.ask({"type": "alert", "number": number, "id": f"number {number}"})["type"] == "ack"
            )
        expect(other.locator(".alert").first).to_contain_text('{"number":21}')
    listed = desk.window(cookies[1])
    grid = listed.open("/streams")
    expect(grid.locator(".live-tag")).to_be_visible()
    expect(grid.locator("[data-picture]")).to_have_js_property("naturalWidth", 320)
    grid.locator(".stretched").click()
    grid.get_by_role("button", name="Show older alerts").click()
    expect(grid.locator(".alert")).to_have_count(23)

    # After Stop, the camera is off and every page shows it.
    page.get_by_role("button", name="Stop streaming").click()
    assert page.evaluate("document.querySelector('#camera-preview').srcObject") is None
    expect(other.locator("#stage-words")).to_have_text("No one is streaming")
    expect(other.locator("#figure-latency")).to_have_text("–")
    for window in (mine, theirs, listed):
        assert window.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert window.complaints == []

    # After access is removed, the other page shows a message.
    page.get_by_role("button", name="Remove access for DJ in Lounge").click()
    expect(other.locator("#connection")).to_have_text("Disconnected")
    expect(other.locator("#stage-words")).to_have_text("This stream is no longer shared with you")
    expect(other.locator("#present")).to_be_hidden()


def test_without_a_connection_nobody_is_shown_as_live(server: Server, desk: Desk, relay: Relay) -> None:
    owner = UserFactory.create(username="owner")
    streams.create_stream(owner, stream_id="cam", name="إذاعة")
    window = desk.window(login_cookie(owner), size=PHONE)
    page = window.open("/streams/cam")
    grid = page.context.new_page()
    grid.goto(page.url.removesuffix("/cam"))
    with make_person(owner).on(server, "cam", produces=["video-frame"]):
        expect(grid.locator(".live-tag")).to_be_visible()
        expect(page.locator("#present")).to_contain_text("You")
        relay.take_away()
        expect(grid.locator("[data-presence]")).to_have_text("Unknown while offline")
        expect(grid.locator(".live-tag")).to_be_hidden()
        expect(page.locator("#stage-words")).to_have_text("No connection")
        expect(page.locator("#present-empty")).to_have_text("Unknown while offline.")
        expect(page.locator("#present li")).to_have_count(0)
        relay.give_back()
        expect(grid.locator(".live-tag")).to_be_visible()
        expect(page.locator("#present")).to_contain_text("You")
        expect(page.locator("#present-empty")).to_be_hidden()


def test_a_refused_camera_is_said(server: Server, desk: Desk, relay: Relay) -> None:
    owner = UserFactory.create(username="owner")
    streams.create_stream(owner, stream_id="cam")
    browser = launch(desk.browser.browser_type, relay.port, CAMERA, CAMERA_REFUSED)
    try:
        page = Desk(browser).window(login_cookie(owner)).open("/streams/cam")
        page.get_by_role("button", name="Start streaming").click()
        expect(page.locator("#camera-problem")).to_contain_text("Camera access was denied.")
        expect(page.get_by_role("button", name="Start streaming")).to_be_focused()
    finally:
        browser.close()


def test_tokens_and_the_end(server: Server, desk: Desk) -> None:
    owner = UserFactory.create(username="owner")
    stream = streams.create_stream(owner, stream_id="cam")
    StreamGrant.objects.create(stream=stream, guild_id="300000000000000999")
    cookie = login_cookie(owner)
    window = desk.window(cookie)
    page = window.open("/streams/cam")
    expect(page.locator("#stage-words")).to_have_text("No one is streaming")
    expect(page.locator("#members")).to_contain_text("Deleted role or server")

    # A token is shown once and works for a device. A new token for all devices revokes it.
    page.locator("#token-device").fill("Hall camera")
    page.keyboard.press("Enter")
    token = page.locator("#new-token-text")
    expect(token).to_have_value(re.compile(r"^\S+\.\S+\.\S+$"))
    headers = {"Authorization": f"Bearer {token.input_value()}"}
    with server.connect("/ws", additional_headers=headers) as device:
        device.send({"type": "register", "streamId": "cam", "produces": ["video-frame"]})
        assert device.receive()["type"] == "registered"
        header = json.dumps({"type": "video-frame"}).encode()
        device.connection.send(len(header).to_bytes(2) + header + JPEG)
        expect(page.locator("#stage-words")).to_contain_text("cannot show the pictures that are sent")
        page.get_by_role("button", name="Replace all tokens").click()
        page.get_by_role("button", name="Cancel").click()
        device.send({"type": "ping", "id": 1})
        assert device.receive()["type"] == "pong"
        page.get_by_role("button", name="Replace all tokens").click()
        page.get_by_role("button", name="Replace all", exact=True).click()
        assert device.close_code() == 4401
    expect(page.locator("#tokens li")).to_have_count(1)
    page.get_by_label("Public").check()
    expect(page.locator("#public-state")).to_have_text("Saved")
    page.get_by_label("Stored message types").fill("alert, not a type")
    page.keyboard.press("Enter")
    expect(page.locator("#durable_types-state")).to_contain_text("Not saved. A type must be 1 to 64 letters")
    window.complaints.clear()  # the browser logs the 400
    assert elsewhere(lambda: Stream.objects.get(pk="cam").public)
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Delete stream").click()
    page.wait_for_url("**/streams")
    assert not elsewhere(Stream.objects.exists)
    assert window.complaints == []


def test_sharing_with_people_one_knows_and_a_stream_that_ends(server: Server, desk: Desk) -> None:
    owner, friend, stranger = (
        UserFactory.create(username=name, display_name=name.title())
        for name in ("owner", "friend", "stranger")
    )
    lounge = GuildFactory.create(name="Lounge")
    for user in (owner, friend):
        MembershipFactory.create(user=user, guild=lounge)
    MembershipFactory.create(user=stranger, guild=GuildFactory.create(name="Elsewhere"))
    streams.create_stream(owner, stream_id="cam", name="Hall")
    cookies = login_cookie(owner), login_cookie(friend)
    service = make_person(owner)
    mine, theirs = desk.window(cookies[0]), desk.window(cookies[1], size=PHONE)
    page = mine.open("/streams/cam")
    offered = page.get_by_label("Share with").locator("option")
    expect(offered).to_have_text(["Choose", "friend (Friend)", "Everyone", "Someone else (by Discord ID)"])
    page.get_by_label("Share with").select_option(label="Someone else (by Discord ID)")
    page.get_by_label("Discord ID", exact=True).fill("12")
    page.keyboard.press("Enter")
    expect(page.locator("#share-problem")).to_contain_text("17 to 20 digits")
    page.get_by_label("Share with").select_option(label="friend (Friend)")
    expect(page.get_by_label("Discord ID", exact=True)).to_be_hidden()
    page.get_by_label("Access").select_option("write")
    page.get_by_role("button", name="Share", exact=True).click()
    expect(page.locator("#members")).to_contain_text("can watch and send")
    assert elsewhere(lambda: StreamGrant.objects.get().user_id) == friend.pk

    # New durable messages appear on pages that were already open.
    watcher = theirs.open("/streams/cam")
    expect(watcher.locator("#connection")).to_have_text("Live")
    with service.on(server, "cam", produces=["door"]) as lock:
        page.get_by_label("Stored message types").fill("alert, door")
        page.keyboard.press("Enter")
        expect(page.locator("#durable_types-state")).to_have_text("Saved")
        lock.until("notice")
        for text in ("Open", "Shut"):
            lock.send({"type": "door", "text": text})
            for each in (page, watcher):
                expect(each.locator(".alert").first).to_contain_text(text)

    # After a deletion while a writer's page is open, nothing there would create a new stream with the same id.
    other = theirs.open("/streams/cam")
    listed = theirs.page.context.new_page()
    listed.goto(other.url.removesuffix("/cam"))
    for each in (other, listed):
        expect(each.locator("#connection")).to_have_text("Live")
    expect(other.get_by_role("button", name="Start streaming")).to_be_visible()
    for each in (page, other):  # neither page requests what is deleted
        expect(each.locator("#alerts")).to_have_attribute("aria-busy", "false")
    elsewhere(lambda: streams.delete_stream(Stream.objects.get()))
    expect(other.locator("#stage-words")).to_have_text("This stream was deleted")
    expect(other.get_by_role("button", name="Start streaming")).to_be_hidden()
    expect(listed.locator("[data-presence]")).to_have_text("Deleted or no longer shared")
    expect(page.locator("#sharing-title")).to_be_hidden()
    assert (mine.complaints, theirs.complaints) == ([], [])


def test_the_page_follows_a_log_that_was_restored_from_an_older_backup(server: Server, desk: Desk) -> None:
    owner = UserFactory.create()
    streams.create_stream(owner, stream_id="cam")
    service = make_person(owner)
    page = desk.window(login_cookie(owner)).open("/streams/cam")
    shown = page.locator(".alert-words")
    with service.on(server, "cam", produces=["alert"]) as watch:
        for text in ("First", "Lost"):
            watch.send({"type": "alert", "level": "low", "text": text})
        expect(shown).to_have_text(["low Lost", "low First"])

    def restore() -> None:
        Event.objects.get(store__name="stream:cam", seq=2).delete()
        Store.objects.filter(name="stream:cam").update(epoch=new_epoch(), head=1)

    elsewhere(restore)
    expect(shown).to_have_text(["low First"])
    with service.on(server, "cam", produces=["alert"]) as watch:
        watch.send({"type": "alert", "level": "high", "text": "Seen since"})
        expect(shown).to_have_text(["high Seen since", "low First"])


def test_rules_are_made_changed_and_followed(server: Server, desk: Desk) -> None:
    guild = GuildFactory.create(name="Lounge")
    owner, other = UserFactory.create(username="owner"), UserFactory.create(username="other")
    for user in (owner, other):
        MembershipFactory.create(user=user, guild=guild, manager=True)
    role = RoleFactory.create(guild=guild, name=HOSTILE)
    ChannelFactory.create(guild=guild, name="general")
    news = ChannelFactory.create(guild=guild, name="news")
    streams.create_stream(owner, stream_id="cam", name="Hall")
    cookies = login_cookie(owner), login_cookie(other)
    mine, theirs = desk.window(cookies[0]), desk.window(cookies[1], size=PHONE, scheme="light")
    page, phone = (each.open(f"/guilds/{guild.pk}/settings") for each in (mine, theirs))
    for each in (page, phone):
        each.wait_for_selector("#connection[data-state=live]")

    page.get_by_role("button", name="Add rule").click()
    page.get_by_label("Post to").select_option(label="#news")
    page.get_by_label("Minimum level").select_option("medium")
    page.get_by_label("Mention").select_option(label=f"@{HOSTILE}".strip())
    page.get_by_label("Quiet hours").check()
    page.get_by_label("From", exact=True).fill("23:00")
    page.get_by_label("To", exact=True).fill("23:00")
    page.locator("#rule-zone").select_option("Europe/Berlin")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#rule-problem")).to_have_text(
        re.compile("Not saved. Quiet hours: The quiet hours must not begin and end at the same time")
    )
    mine.complaints.clear()  # the browser logs the 400
    page.get_by_label("To", exact=True).fill("06:30")
    page.get_by_role("button", name="Save").click()
    for each in (page, phone):
        expect(each.locator("#rules li")).to_have_count(1)
        expect(each.locator("#rules")).to_contain_text("Hall to #news")
        expect(each.locator("#rules")).to_contain_text("quiet from 23:00 to 06:30 (Europe/Berlin)")
    rule = elsewhere(AlertRule.objects.get)
    assert (rule.channel_id, rule.mention_role_id, rule.min_level) == (news.pk, role.pk, "medium")

    # Another manager turns the rule off. It keeps its stream, although they may not watch it.
    phone.get_by_role("button", name="Edit rule").click()
    expect(phone.locator("#rule-stream")).to_have_value("cam")
    phone.get_by_label("On", exact=True).uncheck()
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.get_by_role("button", name="Save").click()
    expect(page.locator("#rules .tag")).to_have_text("Off")
    page.get_by_role("button", name="Edit rule").click()
    page.get_by_role("button", name="Delete").click()
    expect(phone.locator("#rules-empty")).to_be_visible()
    page.goto(page.url.removesuffix("/settings"))
    expect(page.locator("#activity .deed").first).to_contain_text("You deleted an alert rule for cam")
    assert (mine.complaints, theirs.complaints) == ([], [])
