"""Playlists over REST: their entries, who may change them, their limits, and their trash."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.signals import housekeeping
from guilds.models import Membership
from library.domain import playlists
from library.models import Playlist, PlaylistEntry, Track
from realtime.models import Event
from tests.factories import GuildFactory, MembershipFactory, RoleFactory, TrackFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


class Shelf:
    """A person's REST client, with calls for playlists."""

    def __init__(self, api: Callable[[User], Client], user: User) -> None:
        self.user = user
        self.client = api(user)

    def call(self, method: str, path: str, body: Any = None, *, key: str = "", status: int = 200) -> Any:
        """Return the body of the answer, which must have that status."""
        answered, answer = self.ask(method, path, body, key=key)
        assert answered == status, answer
        return answer

    def codes(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Return the status and the code of a refusal."""
        status, answer = self.ask(method, path, body)
        return status, answer["code"]

    def ask(self, method: str, path: str, body: Any, *, key: str = "") -> tuple[int, Any]:
        headers = {"Idempotency-Key": key} if key else {}
        text = "" if body is None else json.dumps(body)
        response = self.client.generic(method, f"/api/{path}", text, "application/json", headers=headers)
        return response.status_code, response.json() if response.content else None

    def create(self, name: str = "Friday", **fields: Any) -> dict[str, Any]:
        return dict(self.call("POST", "playlists", {"name": name, **fields}, status=201))

    def add(self, playlist: dict[str, Any], *tracks: Track, **fields: Any) -> list[str]:
        body = {"uris": [track.uri for track in tracks], **fields}
        added = self.call("POST", f"playlists/{playlist['id']}/entries", body, status=201)
        assert added["left_out"] == []
        return list(added["entry_ids"])

    def titles(self, playlist: dict[str, Any]) -> list[str]:
        page = self.call("GET", f"playlists/{playlist['id']}/entries")
        assert page["length"] == len(page["items"])
        return [item["track"]["title"] for item in page["items"]]


@pytest.fixture
def shelf(api: Callable[[User], Client]) -> Shelf:
    return Shelf(api, UserFactory.create())


@pytest.fixture
def shelf_of(api: Callable[[User], Client]) -> Callable[[User], Shelf]:
    return lambda user: Shelf(api, user)


def tracks(*titles: str) -> list[Track]:
    return [TrackFactory.create(title=title) for title in titles]


# --- Entries ---


def test_a_playlist_is_made_filled_and_read(shelf: Shelf) -> None:
    playlist = shelf.create("  Friday\n night ")
    assert (playlist["name"], playlist["length"], playlist["access"]) == ("Friday night", 0, "manage")
    assert (playlist["shared"], playlist["guild_id"]) == (False, None)
    shelf.add(playlist, *tracks("A", "B"))
    shelf.add(playlist, *tracks("C"))
    assert shelf.titles(playlist) == ["A", "B", "C"]
    (listed,) = shelf.call("GET", "playlists")
    assert (listed["id"], listed["length"]) == (playlist["id"], 3)
    page = shelf.call("GET", f"playlists/{playlist['id']}/entries?limit=2")
    assert ([e["track"]["title"] for e in page["items"]], page["duration_ms"]) == (["A", "B"], 180_000)
    rest = shelf.call("GET", f"playlists/{playlist['id']}/entries?after={page['next']}")
    assert ([e["track"]["title"] for e in rest["items"]], rest["next"]) == (["C"], None)


def test_entries_are_inserted_moved_removed_and_restored(shelf: Shelf) -> None:
    playlist = shelf.create()
    a, b = shelf.add(playlist, *tracks("A", "B"))
    shelf.add(playlist, *tracks("X", "Y"), after=a)
    (first,) = shelf.add(playlist, *tracks("0"), after=None)
    assert shelf.titles(playlist) == ["0", "A", "X", "Y", "B"]
    entries = f"playlists/{playlist['id']}/entries"
    shelf.call("PATCH", f"{entries}/{b}", {"after": first}, status=204)
    shelf.call("PATCH", f"{entries}/{a}", {"after": None}, status=204)
    assert shelf.titles(playlist) == ["A", "0", "B", "X", "Y"]
    assert shelf.call("POST", f"{entries}/remove", {"entry_ids": [b, first, b]}) == {"removed": 2}
    assert shelf.call("POST", f"{entries}/remove", {"entry_ids": [b]}) == {"removed": 0}
    assert shelf.titles(playlist) == ["A", "X", "Y"]
    assert shelf.call("POST", f"{entries}/restore", {"entry_ids": [b, first]}) == {"restored": 2}
    assert shelf.titles(playlist) == ["A", "0", "B", "X", "Y"]


def test_an_entry_outlives_its_track(shelf: Shelf) -> None:
    playlist = shelf.create()
    (track,) = tracks("Blue Train")
    shelf.add(playlist, track)
    Track.objects.filter(pk=track.pk).update(title="Renamed")
    assert shelf.titles(playlist) == ["Renamed"]
    track.delete()
    (entry,) = shelf.call("GET", f"playlists/{playlist['id']}/entries")["items"]
    assert (entry["available"], entry["track"]["title"]) == (False, "Blue Train")
    assert entry["track"]["artist"] == "The Testers"


def test_links_are_kept_and_what_does_not_exist_is_listed(shelf: Shelf) -> None:
    playlist = shelf.create()
    link, gone = "https://radio.example/live.mp3", f"library:{'a' * 16}"
    added = shelf.call("POST", f"playlists/{playlist['id']}/entries", {"uris": [gone, link]}, status=201)
    assert (added["added"], added["left_out"]) == (1, [{"uri": gone, "reason": "NOTHING_FOUND"}])
    answer = shelf.codes("POST", f"playlists/{playlist['id']}/entries", {"uris": [gone]})
    assert answer == (404, "NO_MATCH")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("playlists", {}, "name"),
        ("playlists", {"name": " \n"}, "name"),
        ("playlists", {"name": "x" * 101}, "name"),
        ("playlists", {"name": 5}, "name"),
        ("playlists", {"name": "x", "guild_id": "abc"}, "guild_id"),
        ("entries", {"uris": []}, "uris"),
        ("entries", {"uris": ["words"]}, "uris"),
        ("entries", {"uris": ["library:a"] * 1001}, "uris"),
        ("entries", {"uris": ["https://x.example/a.mp3"], "after": "first"}, "after"),
        ("entries/remove", {"entry_ids": ["1"]}, "entry_ids"),
    ],
)
def test_bad_input_is_told_by_field(path: str, body: Any, field: str, shelf: Shelf) -> None:
    playlist = shelf.create()
    full = path if path == "playlists" else f"playlists/{playlist['id']}/{path}"
    answer = shelf.call("POST", full, body, status=400)
    assert (answer["code"], list(answer["errors"])) == ("INVALID_INPUT", [field])


def test_what_is_no_entry_is_not_found(shelf: Shelf) -> None:
    playlist, other = shelf.create(), shelf.create("Other")
    (foreign,) = shelf.add(other, *tracks("A"))
    (mine,) = shelf.add(playlist, *tracks("B"))
    entries = f"playlists/{playlist['id']}/entries"
    for pk in (foreign, str(uuid.uuid4())):
        assert shelf.codes("POST", f"{entries}/remove", {"entry_ids": [mine, pk]}) == (404, "ENTRY_NOT_FOUND")
        assert shelf.codes("PATCH", f"{entries}/{mine}", {"after": pk}) == (404, "ENTRY_NOT_FOUND")
    assert shelf.titles(playlist) == ["B"]


def test_a_repeated_request_is_carried_out_once(shelf: Shelf) -> None:
    first, again = (shelf.call("POST", "playlists", {"name": "F"}, key="1", status=201) for _ in range(2))
    assert first == again
    assert shelf.call("POST", "playlists", {"name": "G"}, key="1", status=409)["code"] == "CONFLICT"
    path, body = f"playlists/{first['id']}/entries", {"uris": [track.uri for track in tracks("A", "B")]}
    added, repeated = (shelf.call("POST", path, body, key="2", status=201) for _ in range(2))
    assert added == repeated
    assert shelf.titles(first) == ["A", "B"]
    other = {"uris": [track.uri for track in tracks("C")]}
    assert shelf.call("POST", path, other, key="2", status=409)["code"] == "CONFLICT"


def test_listing_takes_the_same_queries_for_any_number(shelf: Shelf) -> None:
    member = MembershipFactory.create(user=shelf.user)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            shelf.call("GET", "playlists")
        return len(captured)

    shelf.create("A", guild_id=member.guild_id)
    one = queries()
    for name in "BC":
        shelf.create(name, guild_id=member.guild_id)
        shelf.create(name)
    assert queries() == one


# --- Limits ---


def test_limits_are_told(shelf: Shelf, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.PLAYLIST_MAX_TRACKS = 2
    playlist = shelf.create()
    (a, _b) = shelf.add(playlist, *tracks("A", "B"))
    body = {"uris": [tracks("C")[0].uri]}
    answer = shelf.call("POST", f"playlists/{playlist['id']}/entries", body, status=409)
    assert (answer["code"], answer["detail"]) == ("PLAYLIST_FULL", "A playlist may have at most 2 tracks.")
    entries = f"playlists/{playlist['id']}/entries"
    shelf.call("POST", f"{entries}/remove", {"entry_ids": [a]})
    shelf.add(playlist, *tracks("C"))
    assert shelf.codes("POST", f"{entries}/restore", {"entry_ids": [a]}) == (409, "PLAYLIST_FULL")
    assert shelf.titles(playlist) == ["B", "C"]
    monkeypatch.setattr(playlists, "MAX_PER_PERSON", 2)
    second = shelf.create("Second")
    assert shelf.codes("POST", "playlists", {"name": "Third"}) == (409, "TOO_MANY_PLAYLISTS")
    shelf.call("DELETE", f"playlists/{second['id']}", status=204)
    shelf.create("Third")
    assert shelf.codes("POST", f"playlists/{second['id']}/restore") == (409, "TOO_MANY_PLAYLISTS")


# --- Rights ---


def test_a_private_playlist_is_its_owners(shelf: Shelf, shelf_of: Callable[[User], Shelf]) -> None:
    playlist = shelf.create()
    stranger = shelf_of(MembershipFactory.create(guild=MembershipFactory.create(user=shelf.user).guild).user)
    assert stranger.call("GET", "playlists") == []
    path = f"playlists/{playlist['id']}"
    for method, rest, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "Mine"}),
        ("DELETE", "", None),
        ("POST", "/restore", None),
        ("GET", "/entries", None),
        ("POST", "/entries", {"uris": ["https://x.example/a.mp3"]}),
        ("GET", "/collaborators", None),
        ("POST", "/collaborators", {"user_id": str(stranger.user.pk)}),
    ):
        assert stranger.codes(method, path + rest, body) == (404, "PLAYLIST_NOT_FOUND"), (method, rest)
    assert Client().get(f"/api/{path}").status_code == 401


def test_collaborators_change_the_tracks_and_nothing_else(
    shelf: Shelf, shelf_of: Callable[[User], Shelf]
) -> None:
    guild = MembershipFactory.create(user=shelf.user).guild
    friend = shelf_of(MembershipFactory.create(guild=guild).user)
    playlist = shelf.create()
    path = f"playlists/{playlist['id']}"
    body = {"user_id": str(friend.user.pk)}
    added = shelf.call("POST", f"{path}/collaborators", body, status=201)
    assert shelf.call("POST", f"{path}/collaborators", body, status=201) == added
    assert [each["access"] for each in friend.call("GET", "playlists")] == ["edit"]
    friend.add(playlist, *tracks("A"))
    (entry,) = shelf.call("GET", f"{path}/entries")["items"]
    assert entry["added_by"]["id"] == str(friend.user.pk)
    assert friend.codes("PATCH", path, {"name": "Mine"}) == (403, "FORBIDDEN")
    assert friend.codes("DELETE", path) == (403, "FORBIDDEN")
    assert friend.codes("POST", f"{path}/collaborators", body) == (403, "FORBIDDEN")
    friend.call("DELETE", f"{path}/collaborators/{added['id']}", status=204)
    assert friend.call("GET", "playlists") == []


def test_a_collaborator_must_share_a_guild(shelf: Shelf) -> None:
    path = f"playlists/{shelf.create()['id']}/collaborators"
    stranger = UserFactory.create()
    assert shelf.codes("POST", path, {"user_id": str(stranger.pk)}) == (404, "COLLABORATOR_NOT_FOUND")
    guild = GuildFactory.create()
    assert shelf.codes("POST", path, {"guild_id": guild.pk}) == (404, "GUILD_NOT_FOUND")
    assert shelf.codes("POST", path, {"user_id": "1", "guild_id": guild.pk}) == (400, "INVALID_INPUT")


def test_a_role_collaborates_until_it_is_taken(shelf: Shelf, shelf_of: Callable[[User], Shelf]) -> None:
    guild = MembershipFactory.create(user=shelf.user).guild
    role = RoleFactory.create(guild=guild)
    member = MembershipFactory.create(guild=guild, role_ids=[guild.pk, role.pk])
    friend, playlist = shelf_of(member.user), shelf.create()
    path = f"playlists/{playlist['id']}/collaborators"
    shelf.call("POST", path, {"guild_id": guild.pk, "role_id": role.pk}, status=201)
    friend.add(playlist, *tracks("A"))
    Membership.objects.filter(pk=member.pk).update(role_ids=[guild.pk])
    assert friend.call("GET", "playlists") == []
    assert friend.codes("GET", f"playlists/{playlist['id']}") == (404, "PLAYLIST_NOT_FOUND")


def test_leaving_a_guild_ends_sharing_there(shelf: Shelf, shelf_of: Callable[[User], Shelf]) -> None:
    mine = MembershipFactory.create(user=shelf.user)
    friend, playlist = shelf_of(MembershipFactory.create(guild=mine.guild).user), shelf.create()
    path = f"playlists/{playlist['id']}/collaborators"
    shelf.call("POST", path, {"guild_id": mine.guild_id}, status=201)
    friend.add(playlist, *tracks("A"))
    mine.delete()
    assert friend.call("GET", "playlists") == []
    MembershipFactory.create(user=shelf.user, guild=mine.guild)
    assert friend.call("GET", "playlists") == []
    assert shelf.call("GET", path) == []


# --- A guild's playlists ---


def test_a_guilds_playlist_is_read_by_members_and_changed_by_its_creator_and_djs(
    shelf: Shelf, shelf_of: Callable[[User], Shelf]
) -> None:
    guild = MembershipFactory.create(user=shelf.user).guild
    member = shelf_of(MembershipFactory.create(guild=guild).user)
    dj = shelf_of(MembershipFactory.create(guild=guild, manager=True).user)
    playlist = shelf.create(guild_id=guild.pk)
    path = f"playlists/{playlist['id']}"
    assert [s.call("GET", path)["access"] for s in (shelf, member, dj)] == ["manage", "read", "manage"]
    body = {"uris": [tracks("A")[0].uri]}
    assert member.codes("POST", f"{path}/entries", body) == (403, "FORBIDDEN")
    dj.add(playlist, *tracks("B"))
    dj.call("POST", f"{path}/collaborators", {"guild_id": guild.pk}, status=201)
    member.add(playlist, *tracks("C"))
    assert member.codes("PATCH", path, {"name": "Mine"}) == (403, "FORBIDDEN")
    dj.call("PATCH", path, {"name": "Ours"})
    other = MembershipFactory.create(user=dj.user).guild
    assert dj.codes("POST", f"{path}/collaborators", {"guild_id": other.pk}) == (403, "FORBIDDEN")
    assert shelf.codes("POST", "playlists", {"name": "X", "guild_id": other.pk}) == (404, "GUILD_NOT_FOUND")
    names = list(Event.objects.filter(store__name=f"guild:{guild.pk}").values_list("name", flat=True))
    assert names == ["PlaylistCreated"] + ["PlaylistChanged"] * 4


def test_a_persons_playlist_appends_no_event(shelf: Shelf) -> None:
    guild = MembershipFactory.create(user=shelf.user).guild
    playlist = shelf.create()
    shelf.add(playlist, *tracks("A"))
    path = f"playlists/{playlist['id']}/collaborators"
    shelf.call("POST", path, {"guild_id": guild.pk}, status=201)
    assert Event.objects.count() == 0


# --- The trash ---


def test_deleting_is_undone_until_the_trash_is_emptied(shelf: Shelf) -> None:
    playlist, other = shelf.create(), shelf.create("Other")
    shelf.add(playlist, *tracks("A"))
    (gone,) = shelf.add(other, *tracks("B"))
    shelf.call("POST", f"playlists/{other['id']}/entries/remove", {"entry_ids": [gone]})
    path = f"playlists/{playlist['id']}"
    shelf.call("DELETE", path, status=204)
    assert shelf.codes("DELETE", path) == (404, "PLAYLIST_NOT_FOUND")
    assert shelf.codes("GET", f"{path}/entries") == (404, "PLAYLIST_NOT_FOUND")
    housekeeping.send(sender=None)
    for _ in range(2):
        assert shelf.call("POST", f"{path}/restore")["length"] == 1
    assert shelf.titles(playlist) == ["A"]
    shelf.call("DELETE", path, status=204)
    old = timezone.now() - playlists.KEPT - timedelta(minutes=1)
    Playlist.objects.exclude(deleted_at=None).update(deleted_at=old)
    PlaylistEntry.objects.exclude(removed_at=None).update(removed_at=old)
    housekeeping.send(sender=None)
    assert shelf.codes("POST", f"{path}/restore") == (404, "PLAYLIST_NOT_FOUND")
    assert list(Playlist.objects.values_list("name", flat=True)) == ["Other"]
    assert not PlaylistEntry.objects.exists()


def test_the_trash_is_emptied_however_full_it_is(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playlists, "PURGED", 2)
    playlist = shelf.create("Kept")
    shelf.add(playlist, *tracks("A", "B", "C", "D", "E"))
    old = timezone.now() - playlists.KEPT - timedelta(minutes=1)
    PlaylistEntry.objects.update(removed_at=old)
    for number in range(11):
        Playlist.objects.create(name=f"Gone {number}", owner=shelf.user, deleted_at=old)
    with CaptureQueriesContext(connection) as statements:
        assert playlists.empty_trash() == {"playlists": 11, "playlist entries": 5}
    purges = [each["sql"] for each in statements if "DELETE" in each["sql"] and "removed_at" in each["sql"]]
    assert len(purges) == 3
    assert list(Playlist.objects.values_list("name", flat=True)) == ["Kept"]
    assert not PlaylistEntry.objects.exists()
