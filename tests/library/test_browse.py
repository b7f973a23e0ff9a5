"""`/api/library`: pages of artists, albums, tracks, folders and genres, and the state of the scan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from guilds.models import Guild, Membership
from library.domain.catalog import Touched, place_tracks, settle
from library.models import Album, Artist, Collaborator, Playlist, ScanLease, Track
from library.sources.types import Details
from tests.factories import GuildFactory, MembershipFactory, TrackFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def client(api: Callable[[User], Client]) -> Client:
    return api(UserFactory.create())


def plant(count: int) -> None:
    """Save so many tracks, each by its own artist, in its own album, folder and genre."""
    touched = Touched()
    tracks = [
        TrackFactory.create(
            title=f"Title {number:02}",
            artist=f"The Artist {number:02}",
            album_artist=f"The Artist {number:02}",
            album=f"Album {number:02}",
            folder=f"top/{number:02}",
            path=f"top/{number:02}/x.flac",
            genre=f"Genre {number:02}",
            number=number,
        )
        for number in range(count)
    ]
    place_tracks([(track, Details()) for track in tracks], touched)
    for track in tracks:
        track.save()
    settle(touched)


def read(client: Client, path: str, **query: object) -> dict[str, Any]:
    response = client.get(f"/api/library/{path}", {name: str(value) for name, value in query.items()})
    assert response.status_code == 200, response.content
    return dict(response.json())


def pages(client: Client, path: str, **query: object) -> list[dict[str, Any]]:
    """Return the items of all pages with two items each."""
    items: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    for _ in range(20):
        page = read(client, path, limit=2, **query, **after)
        assert len(page["items"]) <= 2
        items += page["items"]
        if page["next"] is None:
            return items
        after = {"after": page["next"]}
    raise AssertionError("The pages do not end.")


LISTS = {
    "artists": ("name", "The Artist"), "albums": ("title", "Album"), "tracks": ("title", "Title"),
    "genres": ("name", "Genre"),
}  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_a_list_has_pages_in_order_that_cost_the_same_queries(path: str, client: Client) -> None:
    name, prefix = LISTS[path]
    plant(3)
    with CaptureQueriesContext(
        connection,
    ) as few:
        assert [item[name] for item in read(client, path)["items"]] == [f"{prefix} {n:02}" for n in range(3)]
    Track.objects.all().delete()
    plant(7)
    with CaptureQueriesContext(connection) as many:
        read(client, path)
    assert len(few) == len(many)
    assert [item[name] for item in pages(client, path)] == [f"{prefix} {n:02}" for n in range(7)]


def test_recent_tracks_are_the_newest_first_and_folders_are_listed_level_by_level(client: Client) -> None:
    plant(5)
    assert [item["title"] for item in pages(client, "recent")] == [f"Title {n:02}" for n in range(4, -1, -1)]
    TrackFactory.create(title="Deep", folder="top/00-b/deep/er")
    TrackFactory.create(title="Top")
    assert read(client, "folders")["items"] == [{"path": "top", "name": "top", "track_count": 6}]
    inside = pages(client, "folders", parent="top")
    assert [(item["name"], item["track_count"]) for item in inside] == [
        ("00", 1), ("00-b", 1), ("01", 1), ("02", 1), ("03", 1), ("04", 1),
    ]  # fmt: skip
    assert [item["path"] for item in pages(client, "folders", parent="top/00-b")] == ["top/00-b/deep"]
    assert [item["title"] for item in pages(client, "tracks", folder="")] == ["Top"]
    assert [item["title"] for item in pages(client, "tracks", folder="top/02")] == ["Title 02"]
    assert [item["title"] for item in pages(client, "tracks", genre="Genre 03")] == ["Title 03"]


def test_a_page_goes_on_after_its_last_row_although_rows_come_and_go(client: Client) -> None:
    plant(4)
    first = read(client, "tracks", limit=2)
    Track.objects.filter(title="Title 01").delete()
    TrackFactory.create(title="Title 00a")
    second = read(client, "tracks", limit=2, after=first["next"])
    assert [item["title"] for item in second["items"]] == ["Title 02", "Title 03"]


def test_an_album_and_an_artist_have_their_tracks_in_order(client: Client) -> None:
    plant(1)
    album, artist, touched = Album.objects.get(), Artist.objects.get(), Touched()
    for number, disc in ((5, 2), (3, None), (None, None)):
        track = TrackFactory.create(
            title=f"Disc {disc}, {number}", disc=disc, number=number, in_album=album, by_artist=artist,
            folder="top/00",
        )  # fmt: skip
        touched.note(track)
    settle(touched)
    ordered = ["Title 00", "Disc None, 3", "Disc None, None", "Disc 2, 5"]
    found = pages(client, f"albums/{album.uid}/tracks")
    assert [item["title"] for item in found] == ordered
    assert [item["title"] for item in pages(client, f"artists/{artist.uid}/tracks")] == ordered
    assert {item["album_uri"] for item in found} == {album.uri}
    shown = read(client, f"albums/{album.uid}")
    assert (shown["title"], shown["artist"], shown["track_count"]) == ("Album 00", "The Artist 00", 4)
    assert read(client, f"artists/{artist.uid}")["uri"] == artist.uri
    assert [item["id"] for item in pages(client, "albums", artist=artist.uid)] == [album.uid]
    page = read(client, f"albums/{album.uid}/tracks", limit=2)
    Track.objects.filter(title=ordered[1]).delete()  # the last of that page: the next begins at its place
    rest = read(client, f"albums/{album.uid}/tracks", after=page["next"])
    assert [item["title"] for item in rest["items"]] == ["Disc 2, 5"]


def test_what_is_not_there_is_404_and_nobody_looks_without_a_login(client: Client) -> None:
    plant(1)
    Artist.objects.update(track_count=0)
    for path in (
        "albums/aaaa",
        "albums/aaaa/tracks",
        "albums?artist=aaaa",
        f"artists/{Artist.objects.get().uid}",
    ):
        response = client.get(f"/api/library/{path}")
        assert (response.status_code, response.json()["code"]) == (404, "NOT_IN_LIBRARY")
        assert Client().get(f"/api/library/{path}").status_code == 401


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("tracks", {"after": "nonsense"}), ("tracks", {"after": "WyJhIiwgLTFd"}), ("tracks", {"after": "W10="}),
        ("tracks", {"after": "é"}), ("recent", {"after": "WyJhIl0="}), ("tracks", {"limit": "0"}),
        ("tracks", {"limit": "101"}), ("artists", {"limit": "x"}), ("tracks", {"genre": "a\0"}),
        *((path, {"after": "WyJcdWQ4MDAiLDFd"}) for path in ("artists", "albums", "tracks")),  # ["\ud800",1]
        *((path, {"after": "WyJcdWQ4MDAiXQ=="}) for path in ("genres", "folders")),
        ("artists", {"after": "WyJcdTAwMDAiLDFd"}),  # ["\0",1]
        ("search", {"q": "x" * 501}), ("search", {"limit": "51"}), ("folders", {"parent": "x" * 501}),
    ],
)  # fmt: skip
def test_a_bad_parameter_is_400_and_named(path: str, query: dict[str, str], client: Client) -> None:
    response = client.get(f"/api/library/{path}", query)
    assert response.status_code == 400
    assert list(response.json()["errors"]) == list(query)


def test_the_search_is_grouped(client: Client) -> None:
    plant(2)
    found = client.get("/api/library/search", {"q": "artist 01"}).json()
    assert [track["title"] for track in found["tracks"]] == ["Title 01"]
    assert [album["title"] for album in found["albums"]] == ["Album 01"]
    assert [artist["name"] for artist in found["artists"]] == ["The Artist 01"]
    empty: dict[str, list[Any]] = {"tracks": [], "albums": [], "artists": [], "playlists": []}
    assert client.get("/api/library/search").json() == empty


def test_the_search_finds_playlists_that_the_person_may_read_and_no_others(
    api: Callable[[User], Client],
) -> None:
    me, friend, stranger = UserFactory.create_batch(3)
    here, elsewhere = GuildFactory.create(), GuildFactory.create()
    role = "100000000000000077"
    MembershipFactory.create(user=me, guild=here, role_ids=[role])
    MembershipFactory.create(user=stranger, guild=elsewhere)

    def make(name: str, owner: User | None = None, guild: Guild | None = None, **more: Any) -> Playlist:
        return Playlist.objects.create(name=name, owner=owner, guild=guild, **more)

    make("Night Drive", me)
    make("Nightfall", guild=here)
    Collaborator.objects.create(playlist=make("Night Shift", friend), user=me)
    Collaborator.objects.create(playlist=make("Night Roles", friend), guild=here, role_id=role)
    Collaborator.objects.create(playlist=make("Night Others", friend), guild=here, role_id="1")
    Collaborator.objects.create(playlist=make("Night Elsewhere", friend), guild=elsewhere)
    make("Night Secret", friend)
    make("Night There", guild=elsewhere)
    make("Night Deleted", me, deleted_at=timezone.now())
    make("Morning", me)

    def names(query: str, user: User = me, **more: Any) -> list[str]:
        answer = api(user).get("/api/library/search", {"q": query, **more}).json()
        return [each["name"] for each in answer["playlists"]]

    assert names("NIGHT") == ["Nightfall", "Night Drive", "Night Roles", "Night Shift"]
    assert names("drive night") == ["Night Drive"]
    assert names("night", limit=1) == ["Nightfall"]
    assert names("secret") == names("there") == names("!") == []
    assert names("night", stranger) == ["Night There", "Night Elsewhere"]
    shown = api(me).get("/api/library/search", {"q": "shift"}).json()["playlists"]
    assert [(each["access"], each["owner"]["id"]) for each in shown] == [("edit", str(friend.pk))]
    Membership.objects.filter(user=me).delete()
    assert names("night") == ["Night Drive", "Night Shift"]


def test_managers_see_the_scan_and_only_operators_ask_for_one(
    api: Callable[[User], Client], settings: Settings
) -> None:
    operator, manager, member = UserFactory.create_batch(3)
    settings.ADMIN_DISCORD_IDS = {operator.discord_id}
    guild = GuildFactory.create()
    MembershipFactory.create(user=manager, guild=guild, owner=True)
    MembershipFactory.create(user=member, guild=guild, owner=False, permissions=0)
    statuses = {
        name: (
            api(user).get("/api/library/scan").status_code,
            api(user).post("/api/library/scan").status_code,
        )
        for name, user in {"operator": operator, "manager": manager, "member": member}.items()
    }
    assert statuses == {"operator": (200, 202), "manager": (200, 403), "member": (403, 403)}
    assert ScanLease.objects.get().requested_at is not None
    shown = api(manager).get("/api/library/scan").json()
    assert (shown["running"], shown["total"], shown["problem"]) == (False, 0, None)
