"""The rows of a guild page's queue, as people use them."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from queue_app.commands import execute
from queue_app.models import QueueItem
from tests.clients.browser import elsewhere
from tests.clients.scene import Scene
from tests.factories import TrackFactory


def fill(scene: Scene, count: int) -> None:
    """Play one track, and add others, all of three minutes: Song 00 plays, and Song 01 is next."""

    def act() -> None:
        tracks = [
            TrackFactory.create(
                title=f"Song {number:02}", search_text=f"song {number:02}", duration_ms=180_000
            )
            for number in range(count + 1)
        ]
        execute(scene.id, "AddTracks", {"uris": [track.uri for track in tracks]}, origin=scene.owner)

    elsewhere(act)
    scene.play()


def queued(scene: Scene) -> list[str]:
    """Return the titles of the queue in the database, without the word Song."""
    items = QueueItem.objects.filter(guild_id=scene.id, state="queued").order_by("rank")
    titles = elsewhere(lambda: list(items.values_list("track__title", flat=True)))
    return [str(title).removeprefix("Song ") for title in titles]


def shown(page: Page) -> list[str]:
    """Return the titles of the rows in the page, without the word Song."""
    return [
        title.removeprefix("Song ") for title in page.locator("#queue-rows .line-title").all_inner_texts()
    ]


def row(page: Page, title: str) -> Locator:
    return page.locator("#queue .row").filter(has=page.locator(".line-title").get_by_text(title, exact=True))


def open_menu(page: Page, title: str) -> Locator:
    """Open the menu of a row. Returns it."""
    page.get_by_role("button", name=f"More for {title}", exact=True).click()
    menu = page.get_by_role("menu")
    expect(menu).to_be_visible()
    return menu


def choose(page: Page, title: str, words: str) -> None:
    """Choose an entry of a row's menu."""
    open_menu(page, title).get_by_role("menuitem", name=words, exact=True).click()
