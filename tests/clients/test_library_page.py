"""The library in a real browser: what its buttons add, and its accessibility."""

from __future__ import annotations

from playwright.sync_api import expect

from library.models import Album
from queue_app.models import QueueItem
from tests.clients.browser import Desk, elsewhere
from tests.clients.scene import Scene
from tests.clients.test_accessibility import examine
from tests.library.test_browse import plant


def queued() -> list[str | None]:
    return list(QueueItem.objects.order_by("rank").values_list("track__title", flat=True))


def test_an_album_and_a_track_are_added_to_the_chosen_server(desk: Desk, scene: Scene) -> None:
    plant(3)
    album = Album.objects.get(title="Album 01")
    window = desk.window(scene.owner_cookie)
    page = window.open("/library?q=01")
    page.get_by_role("button", name="Add Album 01 to the queue").click()
    expect(page.locator("#announcer")).to_have_text("Added 1 track to the queue.")
    found = examine(page)
    page.get_by_role("link", name="Album 01").click()
    page.get_by_role("button", name="Add Title 01 to the queue").click()
    expect(page.locator("#announcer")).to_contain_text("Title 01")
    assert elsewhere(queued) == ["Title 01", "Title 01"]
    assert found + examine(page) == []
    assert page.url.endswith(f"/library/albums/{album.uid}")
    assert window.complaints == []
