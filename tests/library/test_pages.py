"""The pages of the library."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.test import Client

from library.models import Album, Artist, ScanLease, Track
from tests.factories import GuildFactory, MembershipFactory, TrackFactory, UserFactory
from tests.library.test_browse import plant

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Client:
    user = UserFactory.create()
    MembershipFactory.create(user=user, guild=GuildFactory.create(name="Lounge"), owner=True)
    client = Client(headers={"Accept": "text/html"})
    client.force_login(user)
    return client


def show(browser: Client, path: str) -> str:
    response = browser.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_every_list_shows_what_there_is_and_what_it_adds(browser: Client) -> None:
    plant(3)
    album, artist = Album.objects.get(title="Album 01"), Artist.objects.get(name="The Artist 01")
    TrackFactory.create(title="<b>Bold</b>", folder="a&b/c", genre="R&B")
    pages = {
        "/library": [f'data-add="{album.uri}"', "Album 01", "Lounge"],
        "/library/list/artists": [f'data-add="{artist.uri}"', "The Artist 01"],
        "/library/list/genres": [f"/library/tracks?genre={quote('R&B')}"],
        "/library/list/folders": [f"/library/tracks?folder={quote('a&b')}"],
        "/library/list/recent": [
            "&lt;b&gt;Bold&lt;/b&gt;",
            f'data-add="{Track.objects.get(genre="R&B").uri}"',
        ],
        f"/library/albums/{album.uid}": [
            "Title 01",
            f'data-add="{album.uri}"',
            f"/library/artists/{artist.uid}",
        ],
        f"/library/artists/{artist.uid}": ["Title 01", "Album 01", f'data-add="{artist.uri}"'],
        "/library/tracks?genre=R%26B": ["&lt;b&gt;Bold"],
        "/library/tracks?folder=a%26b": ["/library/tracks?folder=a%26b%2Fc", 'data-add="folder:a&amp;b"'],
        "/library?q=artist+02": ["Title 02", "Album 02", "The Artist 02"],
        "/library?q=nothing+of+the+kind": ["Nothing in the library matches"],
    }
    for path, parts in pages.items():
        shown = show(browser, path)
        assert [part for part in parts if part not in shown] == [], path


def test_a_long_list_has_a_next_page_and_a_wrong_address_shows_the_first(browser: Client) -> None:
    plant(51)
    first = show(browser, "/library/list/artists")
    assert ("The Artist 49" in first, "The Artist 50" in first) == (True, False)
    path = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = show(browser, path)
    assert ("The Artist 49" in second, "The Artist 50" in second, 'rel="next"' in second) == (
        False,
        True,
        False,
    )
    assert "The Artist 00" in show(browser, "/library/list/artists?after=nonsense")


def test_what_is_not_there_is_404_and_strangers_log_in_first(browser: Client) -> None:
    for path in ("/library/albums/aaaa", "/library/artists/aaaa", "/library/list/nothing"):
        assert browser.get(path).status_code == 404
    assert Client().get("/library").status_code == 302
    assert "There is nothing here yet" in show(browser, "/library")


def test_managers_see_how_far_the_scan_is(browser: Client) -> None:
    from library.domain.scan_lease import scan_lease

    with scan_lease():
        ScanLease.objects.update(done=3, total=7)
        assert "3 of 7 files" in show(browser, "/library")
    assert "of 7 files" not in show(browser, "/library")
