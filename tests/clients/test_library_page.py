"""The library in a real browser: what its buttons add, and its accessibility."""

from __future__ import annotations

from typing import Literal

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from library.domain.playlist_entries import add_tracks
from library.domain.playlists import create_playlist
from library.models import Album, ScanLease
from library.sources import SOURCES
from queue_app.models import ItemState, QueueItem
from tests.clients.browser import PHONE, WIDE, Desk, elsewhere
from tests.clients.scene import Scene
from tests.clients.test_accessibility import examine
from tests.factories import TrackFactory
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


def test_a_playlist_that_the_search_finds_is_added(desk: Desk, scene: Scene) -> None:
    def make() -> None:
        made = create_playlist("Harbour Evening", origin=scene.owner)
        add_tracks(
            made.pk, [TrackFactory.create(title=title).uri for title in ("One", "Two")], origin=scene.owner
        )

    elsewhere(make)
    window = desk.window(scene.owner_cookie)
    page = window.open("/library?q=harbour+eve")
    expect(page.get_by_role("heading", name="Playlists")).to_be_visible()
    assert examine(page) == []
    page.get_by_role("button", name="Add Harbour Evening to the queue").click()
    expect(page.locator("#done")).to_contain_text("Added 2 tracks to the queue of")
    assert elsewhere(queued) == ["One", "Two"]
    page.get_by_role("link", name="Harbour Evening").click()
    expect(page.get_by_role("heading", name="Harbour Evening")).to_be_visible()
    assert window.complaints == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_sources_are_shown_and_on_a_phone_only_what_is_broken(
    scheme: Literal["dark", "light"], desk: Desk, scene: Scene
) -> None:
    now = timezone.now()

    def scanned(problem: str) -> None:
        lease = {"expires_at": now, "started_at": now, "finished_at": now, "problem": problem}
        ScanLease.objects.update_or_create(pk=1, defaults=lease)

    elsewhere(lambda: plant(3))
    elsewhere(lambda: scanned("missing"))
    for size in (WIDE, PHONE):
        page = desk.window(scene.member_cookie, size=size, scheme=scheme).open("/library")
        sources = page.get_by_role("list", name="Sources")
        expect(sources).to_contain_text("The folder is missing, so its tracks cannot be played.")
        shown = [each.inner_text().split("\n")[0] for each in sources.get_by_role("listitem").all()]
        assert len(shown) == (1 if size is PHONE else len(SOURCES))
        assert examine(page) == []
    elsewhere(lambda: scanned(""))
    page = desk.window(scene.member_cookie, size=PHONE, scheme=scheme).open("/library")
    expect(page.get_by_role("heading", name="Albums")).to_be_visible()
    expect(page.locator(".sources")).to_be_hidden()
