"""Backline as an app: installed, opened without a network, and controlled by media keys."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import Page, expect

from queue_app.models import Player, QueueItem
from tests.clients.browser import PHONE, Desk, Window, elsewhere, log_in, new_context, start_chromium
from tests.clients.relay import Relay
from tests.clients.rows import choose
from tests.clients.scene import Scene
from tests.waiting import until

REMEMBER_KEYS = """
    window.mediaKeys = {};
    const assign = MediaSession.prototype.setActionHandler;
    MediaSession.prototype.setActionHandler = function (action, handler) {
      window.mediaKeys[action] = handler;
      assign.call(this, action, handler);
    };
"""
REMEMBER_SOUND = """
    window.silence = null;
    window.Audio = class extends Audio {
      constructor(address) {
        super(address);
        window.silence = this;
      }
    };
"""


@pytest.fixture(scope="module")
def chromium(relay: Relay) -> Iterator[Desk]:
    """Service workers need a secure origin, as this machine's own address and every https address are."""
    secure = f"--unsafely-treat-insecure-origin-as-secure={settings.API_BASE_URL}"
    with pytest.MonkeyPatch.context() as patch, start_chromium(relay.port, secure) as desk:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield desk


def opened_once(desk: Desk, scene: Scene) -> Page:
    """Open the guild's page with the service worker in control, so that all its parts are kept."""
    window = desk.window(scene.owner_cookie, size=PHONE)
    page = window.open_guild(scene.id, tab="queue")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.reload()
    page.wait_for_selector("#connection[data-state=live]")
    return page


def kept_titles(page: Page) -> list[str]:
    """Return the titles of the waiting tracks that the browser has kept."""
    titles: list[str] = page.evaluate("""new Promise((resolve) => {
        const request = indexedDB.open("backline-snapshots", 1);
        request.onupgradeneeded = () => request.result.createObjectStore("snapshots");
        request.onsuccess = () => {
            const all = request.result.transaction("snapshots").objectStore("snapshots").getAll();
            all.onsuccess = () => {
                request.result.close();
                resolve(all.result.flatMap((kept) => kept.state.queue.map((item) => item.track.title)));
            };
        };
    })""")
    return titles


def test_the_page_opens_without_a_network_and_keeps_what_is_added(
    desk: Desk, scene: Scene, relay: Relay
) -> None:
    scene.add("moss")
    scene.play()
    scene.add("cold harbour")
    page = opened_once(desk, scene)
    until(lambda: kept_titles(page) == ["Cold Harbour"])
    relay.take_away()
    page.reload()
    expect(page.locator("#queue .line-title")).to_have_text(["Cold Harbour"])
    expect(page.locator("#now-title")).to_have_text("Moss")
    expect(page.locator("#connection")).not_to_have_attribute("data-state", "live")
    expect(page.locator("body")).to_contain_text("since")
    before = page.locator("#position").inner_text()
    page.wait_for_timeout(1200)
    assert page.locator("#position").inner_text() == before
    choose(page, "Cold Harbour", "Remove")
    expect(page.locator("#queue [data-state=removing]")).to_have_count(1)
    assert elsewhere(lambda: QueueItem.objects.filter(state="queued").count()) == 1
    relay.give_back()
    page.wait_for_selector("#connection[data-state=live]")
    until(lambda: not elsewhere(lambda: QueueItem.objects.filter(state="queued").exists()))


def test_a_page_without_a_copy_says_so(desk: Desk, scene: Scene, relay: Relay) -> None:
    page = opened_once(desk, scene)
    relay.take_away()
    page.goto(f"{settings.API_BASE_URL}/streams")
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    relay.give_back()
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("heading", name="Streams", exact=True)).to_be_visible()


def test_who_logs_out_leaves_nothing(desk: Desk, scene: Scene, relay: Relay) -> None:
    scene.add("moss")
    page = opened_once(desk, scene)
    until(lambda: kept_titles(page) == ["Moss"])
    page.locator("#account-menu summary").click()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url(f"{settings.API_BASE_URL}/")
    assert kept_titles(page) == []
    relay.take_away()
    page.goto(f"{settings.API_BASE_URL}/guilds/{scene.id}")
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()


def test_a_login_begins_without_copies(desk: Desk, scene: Scene) -> None:
    page = opened_once(desk, scene)
    copies = "caches.open('pages-1').then((cache) => cache.keys()).then((keys) => keys.length)"
    until(lambda: page.evaluate(copies) == 1)
    page.evaluate("fetch('/api/auth/discord/login', { redirect: 'manual' }).then(() => true)")
    until(lambda: page.evaluate(copies) == 0)


def test_media_keys_control_the_player(desk: Desk, scene: Scene) -> None:
    scene.add("moss")
    scene.play()
    scene.add("cold harbour")
    window = desk.window(scene.owner_cookie)
    window.page.add_init_script(REMEMBER_KEYS)
    page = window.open_guild(scene.id)
    session = "navigator.mediaSession"
    until(lambda: page.evaluate(f"{session}.metadata?.title") == "Moss")
    assert page.evaluate(f"{session}.playbackState") == "playing"
    page.evaluate("mediaKeys.pause()")
    until(lambda: elsewhere(lambda: Player.objects.get().status) == "paused")
    until(lambda: page.evaluate(f"{session}.playbackState") == "paused")
    page.evaluate("mediaKeys.play()")
    until(lambda: elsewhere(lambda: Player.objects.get().status) == "playing")
    page.evaluate("mediaKeys.nexttrack()")
    until(lambda: page.evaluate(f"{session}.metadata?.title") != "Moss")
    assert elsewhere(lambda: QueueItem.objects.filter(state="skipped").count()) == 1


def test_a_phone_plays_silence_so_that_its_lock_screen_shows_the_keys(desk: Desk, scene: Scene) -> None:
    scene.add("moss")
    scene.play()
    context = new_context(desk.browser, viewport=PHONE, has_touch=True, is_mobile=True)
    log_in(context, scene.owner_cookie)
    window = Window(context.new_page())
    window.page.add_init_script(REMEMBER_SOUND)
    page = window.open_guild(scene.id)
    expect(page.locator("#now-title")).to_have_text("Moss")
    assert page.evaluate("window.silence") is None
    page.locator("#now-title").tap()
    until(lambda: page.evaluate("silence.currentTime > 0 && !silence.paused"))
    page.locator("#pause").tap()
    until(lambda: page.evaluate("silence.paused"))
    assert window.complaints == []


@pytest.mark.django_db
def test_the_manifest_names_icons_of_the_right_size(client: Client) -> None:
    answer = client.get("/manifest.webmanifest")
    assert answer["Content-Type"] == "application/manifest+json"
    manifest = answer.json()
    assert {manifest["start_url"], manifest["scope"]} == {"/dashboard", "/"}
    for icon in manifest["icons"]:
        path = finders.find(icon["src"].removeprefix(settings.STATIC_URL))
        assert path is not None
        width, height = struct.unpack(">II", Path(path).read_bytes()[16:24])
        assert icon["sizes"] == f"{width}x{height}"
    assert {"any", "maskable"} == {icon["purpose"] for icon in manifest["icons"]}


@pytest.mark.django_db
def test_the_service_worker_is_served_where_it_covers_every_page(client: Client) -> None:
    answer = client.get("/service-worker.js")
    assert answer["Content-Type"] == "text/javascript"
    assert answer["Cache-Control"] == "no-cache"
    assert client.get("/offline").status_code == 200
