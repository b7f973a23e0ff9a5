"""The library in a real browser: what its buttons add, and its accessibility."""

from __future__ import annotations

from playwright.sync_api import expect

from library.models import Album
from queue_app.models import ItemState, QueueItem
from tests.clients.browser import Desk, elsewhere
from tests.clients.scene import Scene
from tests.clients.test_accessibility import examine
from tests.library.test_browse import plant


def queued() -> list[str | None]:
    items = QueueItem.objects.exclude(state=ItemState.REMOVED).order_by("rank")
    return list(items.values_list("track__title", flat=True))


def test_an_album_and_a_track_are_added_to_the_chosen_server(desk: Desk, scene: Scene) -> None:
    plant(3)
    album = Album.objects.get(title="Album 01")
    window = desk.window(scene.owner_cookie)
    page = window.open("/library?q=01")
    done = page.locator("#done")
    page.get_by_role("button", name="Add Album 01 to the queue").click()
    expect(done).to_contain_text("Added 1 track to the queue of")
    expect(done).to_be_in_viewport(ratio=1)
    found = examine(page)
    page.get_by_role("link", name="Album 01").click()
    page.get_by_role("button", name="Add Title 01 to the queue").click()
    expect(done).to_contain_text("Title 01")
    assert elsewhere(queued) == ["Title 01", "Title 01"]
    found += examine(page)
    done.get_by_role("button", name="Undo").click()
    expect(done).to_be_hidden()
    assert elsewhere(queued) == ["Title 01"]
    assert found == []
    assert page.url.endswith(f"/library/albums/{album.uid}")
    assert window.complaints == []
