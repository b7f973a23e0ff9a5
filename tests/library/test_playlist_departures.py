"""Favorites, and what happens to lists when their owner deletes the account."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.domain.departure import delete_account, export_pieces
from accounts.models import User
from library.domain.collaborators import add_guild, add_person
from library.domain.favorites import add_favorite
from library.domain.playlist_entries import add_tracks
from library.domain.playlists import create_playlist
from library.models import Favorite, Playlist, PlaylistEntry
from realtime.models import Via
from realtime.origin import Origin
from tests.factories import GuildFactory, MembershipFactory, TrackFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


def origin(user: User) -> Origin:
    return Origin(user=user, via=Via.REST)


def people(count: int) -> list[User]:
    """Return people who share a guild."""
    guild = GuildFactory.create()
    return [MembershipFactory.create(guild=guild).user for _ in range(count)]


def test_playlists_pass_to_the_oldest_collaborator_and_others_are_deleted() -> None:
    owner, first, second = people(3)
    shared = create_playlist("Shared", origin=origin(owner))
    for heir in (first, second):
        add_person(shared.pk, heir, origin=origin(owner))
    add_tracks(shared.pk, [TrackFactory.create().uri], origin=origin(owner))
    private = create_playlist("Private", origin=origin(owner))
    add_tracks(private.pk, [TrackFactory.create().uri], origin=origin(owner))
    delete_account(owner)
    (left,) = Playlist.objects.all()
    assert (left.pk, left.owner, left.created_by) == (shared.pk, first, None)
    assert [each.user for each in left.collaborators.all()] == [second]
    (entry,) = PlaylistEntry.objects.all()
    assert (entry.playlist_id, entry.added_by) == (shared.pk, None)
    delete_account(second)
    delete_account(first)
    assert not Playlist.objects.exists()


def test_who_left_a_guild_no_longer_sees_its_playlists(api: Callable[[User], Client]) -> None:
    owner, helper = people(2)
    guild = owner.memberships.get().guild
    playlist = create_playlist("Ours", guild_id=guild.pk, origin=origin(owner))
    add_person(playlist.pk, helper, origin=origin(owner))
    assert [each["name"] for each in api(helper).get("/api/playlists").json()] == ["Ours"]
    helper.memberships.all().delete()
    assert api(helper).get("/api/playlists").json() == []
    assert api(helper).get(f"/api/playlists/{playlist.pk}").status_code == 404


def test_a_new_owner_shares_only_with_guilds_of_their_own() -> None:
    owner, heir = people(2)
    far = MembershipFactory.create(user=owner).guild
    near = heir.memberships.get().guild
    playlist = create_playlist("Shared", origin=origin(owner))
    add_person(playlist.pk, heir, origin=origin(owner))
    for guild in (far, near):
        add_guild(playlist.pk, guild.pk, "", origin=origin(owner))
    delete_account(owner)
    assert [each.guild_id for each in playlist.collaborators.all()] == [near.pk]


def test_a_guilds_playlist_stays_without_a_name(api: Callable[[User], Client]) -> None:
    creator, member = people(2)
    guild_id = creator.memberships.get().guild_id
    playlist = create_playlist("Ours", guild_id=guild_id, origin=origin(creator))
    delete_account(creator)
    shown = api(member).get(f"/api/playlists/{playlist.pk}").json()
    assert (shown["owner"], shown["access"], shown["guild_id"]) == (None, "read", guild_id)


def test_the_export_has_lists_entries_and_favorites() -> None:
    owner, friend = people(2)
    mine = create_playlist("Mine", origin=origin(owner))
    theirs = create_playlist("Theirs", origin=origin(friend))
    add_person(theirs.pk, owner, origin=origin(friend))
    tracks = [TrackFactory.create() for _ in range(3)]
    add_tracks(mine.pk, [tracks[0].uri], origin=origin(owner))
    add_tracks(theirs.pk, [tracks[1].uri], origin=origin(owner))
    add_tracks(theirs.pk, [tracks[2].uri], origin=origin(friend))
    add_favorite(owner, tracks[2].uri)
    data = json.loads(b"".join(export_pieces(owner)))
    assert [each["name"] for each in data["playlists"]] == ["Mine"]
    entries = {(each["playlist_id"], each["uri"]) for each in data["playlist_entries"]}
    assert entries == {(str(mine.pk), tracks[0].uri), (str(theirs.pk), tracks[1].uri)}
    assert [each["playlist_id"] for each in data["playlist_collaborations"]] == [str(theirs.pk)]
    assert [each["title"] for each in data["favorites"]] == [tracks[2].title]


# --- Favorites ---


def test_favorites_are_ones_own(api: Callable[[User], Client], settings: Settings) -> None:
    user, other = people(2)
    client, json_type = api(user), "application/json"
    tracks = [TrackFactory.create() for _ in range(3)]
    for track in [*tracks, tracks[0]]:
        answer = client.put("/api/favorites", {"uri": track.uri}, content_type=json_type)
        assert answer.status_code == 204
    page = client.get("/api/favorites?limit=2").json()
    assert [each["track"]["uri"] for each in page["items"]] == [tracks[2].uri, tracks[1].uri]
    rest = client.get(f"/api/favorites?after={page['next']}").json()
    assert ([each["track"]["uri"] for each in rest["items"]], rest["length"]) == ([tracks[0].uri], 3)
    assert api(other).get("/api/favorites").json()["items"] == []
    for _ in range(2):
        assert client.delete("/api/favorites", query_params={"uri": tracks[1].uri}).status_code == 204
    assert client.get("/api/favorites").json()["length"] == 2
    refused = client.delete("/api/favorites", query_params={"uri": "a\0"})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["uri"])
    gone = client.put("/api/favorites", {"uri": "library:" + "a" * 16}, content_type=json_type)
    assert (gone.status_code, gone.json()["code"]) == (404, "NO_MATCH")
    settings.PLAYLIST_MAX_TRACKS = 2
    full = client.put("/api/favorites", {"uri": tracks[1].uri}, content_type=json_type)
    assert (full.status_code, full.json()["code"]) == (409, "PLAYLIST_FULL")
    delete_account(user)
    assert not Favorite.objects.exists()


def test_a_favorite_outlives_its_track(api: Callable[[User], Client]) -> None:
    user = UserFactory.create()
    track = TrackFactory.create(title="Blue Train")
    add_favorite(user, track.uri)
    track.delete()
    (shown,) = api(user).get("/api/favorites").json()["items"]
    assert (shown["available"], shown["track"]["title"]) == (False, "Blue Train")
