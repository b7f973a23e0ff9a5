"""One table of who may do what, for every route. A route that is missing from it fails the test.

If you add a route, add its row: the statuses for owner, dj, member, outsider (logged in, in another guild) and nobody
(not logged in), and a body if the check of the right needs one.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from drf_spectacular.generators import SchemaGenerator

from accounts.models import AuthSession
from alerts.models import AlertRule
from guilds.models import Guild
from library.domain.playlist_entries import add_tracks
from library.domain.playlists import create_playlist
from library.models import Playlist
from queue_app.models import ItemState, Player, QueueItem
from realtime.models import Via
from realtime.origin import Origin
from tests.accounts.conftest import Gibberish, gibberish
from tests.conftest import access_token
from tests.factories import (
    ChannelFactory,
    GuildFactory,
    ItemFactory,
    MembershipFactory,
    RoleFactory,
    SessionFactory,
    TrackFactory,
)
from tests.server import Server

__all__ = ["gibberish"]

PEOPLE = ("owner", "dj", "member", "outsider", "nobody")
type Row = tuple[int, int, int, int, int]

MEMBERS: Row = (200, 200, 200, 404, 401)
MANAGERS: Row = (200, 403, 403, 404, 401)
ANYONE: Row = (200, 200, 200, 200, 401)
SHARED: Row = (200, 200, 200, 404, 401)  # a playlist of the guild
NOT_THERE: Row = (404, 404, 404, 404, 401)  # nobody learns which streams and stores exist

# Discord sends only malformed responses here: 502 shows that the call reached it.
GUILD_ROUTES: dict[str, Row] = {
    "GET /api/guilds/{guild_id}": MEMBERS,
    "GET /api/guilds/{guild_id}/bot-install-url": MANAGERS,
    "GET /api/guilds/{guild_id}/bot-permissions": MANAGERS,
    "GET /api/guilds/{guild_id}/channels": MANAGERS,
    "GET /api/guilds/{guild_id}/voice-state": MEMBERS,
    "GET /api/guilds/{guild_id}/roles": MANAGERS,
    "POST /api/guilds/{guild_id}/refresh": (502, 403, 403, 404, 401),
    "GET /api/guilds/{guild_id}/settings": MANAGERS,
    "PATCH /api/guilds/{guild_id}/settings": MANAGERS,
    "GET /api/guilds/{guild_id}/alert-rules": MANAGERS,
    "POST /api/guilds/{guild_id}/alert-rules": (400, 403, 403, 404, 401),
    "GET /api/guilds/{guild_id}/alert-rules/{rule_id}": MANAGERS,
    "PATCH /api/guilds/{guild_id}/alert-rules/{rule_id}": MANAGERS,
    "DELETE /api/guilds/{guild_id}/alert-rules/{rule_id}": (204, 403, 403, 404, 401),
    "GET /api/guilds/{guild_id}/snapshot": MEMBERS,
    "GET /api/guilds/{guild_id}/queue": MEMBERS,
    "POST /api/guilds/{guild_id}/queue": (201, 201, 201, 404, 401),
    "PATCH /api/guilds/{guild_id}/queue/{item_id}": MEMBERS,
    "DELETE /api/guilds/{guild_id}/queue/{item_id}": (204, 204, 403, 404, 401),
    "POST /api/guilds/{guild_id}/queue/{item_id}/retry": NOT_THERE,  # the item is still queued
    "POST /api/guilds/{guild_id}/queue/clear": (200, 200, 403, 404, 401),
    "POST /api/guilds/{guild_id}/queue/shuffle": MEMBERS,
    "POST /api/guilds/{guild_id}/queue/undo": (409, 409, 409, 404, 401),  # nobody has changed anything yet
    "POST /api/guilds/{guild_id}/queue/redo": (409, 409, 409, 404, 401),
    "POST /api/guilds/{guild_id}/commands": (200, 200, 403, 404, 401),
    "GET /api/guilds/{guild_id}/undo": MEMBERS,
    "GET /api/guilds/{guild_id}/history": MEMBERS,
    "GET /api/guilds/{guild_id}/audit": MEMBERS,
    "GET /api/guilds/{guild_id}/statistics": MEMBERS,
    "GET /api/guilds/{guild_id}/listeners": MEMBERS,
    "GET /api/guilds/{guild_id}/player": MEMBERS,
    "PATCH /api/guilds/{guild_id}/player": MEMBERS,
    "POST /api/guilds/{guild_id}/player/skip": MEMBERS,
    "POST /api/guilds/{guild_id}/player/previous": (409, 409, 409, 404, 401),  # nothing was played before
    "POST /api/guilds/{guild_id}/player/replay": MEMBERS,
    "POST /api/guilds/{guild_id}/player/stop": (200, 200, 403, 404, 401),
}
OTHER_ROUTES: dict[str, Row] = {
    "GET /api/guilds": ANYONE,
    "GET /api/search": ANYONE,
    "GET /api/library/search": ANYONE,
    "GET /api/library/artists": ANYONE,
    "GET /api/library/artists/{uid}": NOT_THERE,
    "GET /api/library/artists/{uid}/tracks": NOT_THERE,
    "GET /api/library/albums": ANYONE,
    "GET /api/library/albums/{uid}": NOT_THERE,
    "GET /api/library/albums/{uid}/tracks": NOT_THERE,
    "GET /api/library/tracks": ANYONE,
    "GET /api/library/recent": ANYONE,
    "GET /api/library/folders": ANYONE,
    "GET /api/library/genres": ANYONE,
    "GET /api/library/scan": (200, 403, 403, 200, 401),  # who manages any guild
    "POST /api/library/scan": (403, 403, 403, 403, 401),
    "GET /api/uploads": ANYONE,
    "POST /api/uploads": (400, 400, 400, 400, 401),
    "GET /api/uploads/{upload_id}": NOT_THERE,
    "PATCH /api/uploads/{upload_id}": (400, 400, 400, 400, 401),
    "DELETE /api/uploads/{upload_id}": NOT_THERE,
    "GET /api/favorites": ANYONE,
    "PUT /api/favorites": (204, 204, 204, 204, 401),
    "DELETE /api/favorites": (204, 204, 204, 204, 401),
    "POST /api/favorites/among": ANYONE,
    "GET /api/favorites/export": ANYONE,
    "GET /api/playlists": ANYONE,
    "POST /api/playlists": (201, 201, 201, 201, 401),
    "POST /api/playlists/import": (400, 400, 400, 400, 401),
    "GET /api/playlists/{playlist_id}": SHARED,
    "PATCH /api/playlists/{playlist_id}": SHARED,
    "DELETE /api/playlists/{playlist_id}": (204, 204, 204, 404, 401),
    "POST /api/playlists/{playlist_id}/restore": SHARED,
    "GET /api/playlists/{playlist_id}/export": SHARED,
    "GET /api/playlists/{playlist_id}/entries": SHARED,
    "POST /api/playlists/{playlist_id}/entries": (201, 201, 201, 404, 401),
    "PATCH /api/playlists/{playlist_id}/entries/{entry_id}": (204, 204, 204, 404, 401),
    "POST /api/playlists/{playlist_id}/entries/remove": NOT_THERE,
    "POST /api/playlists/{playlist_id}/entries/restore": NOT_THERE,
    "GET /api/playlists/{playlist_id}/collaborators": SHARED,
    "POST /api/playlists/{playlist_id}/collaborators": (400, 400, 400, 400, 401),
    "DELETE /api/playlists/{playlist_id}/collaborators/{collaborator_id}": (204, 204, 204, 404, 401),
    "POST /api/auth/discord/exchange": (502, 502, 502, 502, 502),
    "POST /api/auth/token": (401, 401, 401, 401, 401),  # the browser's cookie only
    "POST /api/auth/token/refresh": (401, 401, 401, 401, 401),  # a refresh token only
    "POST /api/auth/logout": ANYONE,
    "POST /api/auth/logout-all": ANYONE,
    "GET /api/auth/me": ANYONE,
    "DELETE /api/auth/me": (204, 204, 204, 204, 401),
    "GET /api/auth/me/export": ANYONE,
    "GET /api/auth/sessions": ANYONE,
    "DELETE /api/auth/sessions/{sid}": (204, 404, 404, 404, 401),
    "GET /api/streams": ANYONE,
    "POST /api/streams": (201, 201, 201, 201, 401),
    "GET /api/streams/{stream_id}": NOT_THERE,
    "PATCH /api/streams/{stream_id}": NOT_THERE,
    "DELETE /api/streams/{stream_id}": NOT_THERE,
    "GET /api/streams/{stream_id}/alerts": NOT_THERE,
    "GET /api/streams/{stream_id}/alerts/{seq}/frame": NOT_THERE,
    "GET /api/streams/{stream_id}/frame": NOT_THERE,
    "GET /api/streams/{stream_id}/members": NOT_THERE,
    "POST /api/streams/{stream_id}/members": NOT_THERE,
    "DELETE /api/streams/{stream_id}/members/{grant_id}": NOT_THERE,
    "POST /api/streams/{stream_id}/rotate": NOT_THERE,
    "GET /api/streams/{stream_id}/tokens": NOT_THERE,
    "POST /api/streams/{stream_id}/tokens": NOT_THERE,
    "DELETE /api/streams/{stream_id}/tokens/{sid}": NOT_THERE,
    "GET /api/stores": ANYONE,
    "POST /api/stores": (201, 201, 201, 201, 401),
    "GET /api/stores/{name}": NOT_THERE,
    "PATCH /api/stores/{name}": NOT_THERE,
    "DELETE /api/stores/{name}": NOT_THERE,
    "GET /api/stores/{name}/members": NOT_THERE,
    "POST /api/stores/{name}/members": NOT_THERE,
    "DELETE /api/stores/{name}/members/{user_id}": NOT_THERE,
    "GET /api/stores/{name}/tokens": NOT_THERE,
    "POST /api/stores/{name}/tokens": NOT_THERE,
    "DELETE /api/stores/{name}/tokens/{sid}": NOT_THERE,
}
TABLE = GUILD_ROUTES | OTHER_ROUTES

ABSENT = "00000000-0000-4000-8000-000000000000"
BODIES: dict[str, dict[str, Any]] = {
    "PATCH /api/guilds/{guild_id}/settings": {"default_volume": 50},
    "PATCH /api/guilds/{guild_id}/alert-rules/{rule_id}": {"enabled": False},
    "POST /api/guilds/{guild_id}/queue": {"query": "Song"},
    "POST /api/guilds/{guild_id}/commands": {"name": "ClearQueue", "args": {}},
    "PATCH /api/guilds/{guild_id}/queue/{item_id}": {"after": None},
    "PATCH /api/guilds/{guild_id}/player": {"paused": True},
    "POST /api/auth/discord/exchange": {"code": "x"},
    "POST /api/auth/token/refresh": {"refresh": "x"},
    "POST /api/streams": {"id": "cam-1", "name": "Camera"},
    "POST /api/stores": {"name": "notes"},
    "PUT /api/favorites": {"uri": "https://radio.example/1.mp3"},
    "DELETE /api/favorites": {"uri": "https://radio.example/1.mp3"},
    "POST /api/favorites/among": {"uris": ["https://radio.example/1.mp3"]},
    "POST /api/playlists": {"name": "Mine"},
    "PATCH /api/playlists/{playlist_id}": {"name": "Friday"},
    "POST /api/playlists/{playlist_id}/entries": {"uris": ["https://radio.example/1.mp3"]},
    "PATCH /api/playlists/{playlist_id}/entries/{entry_id}": {"after": None},
    "POST /api/playlists/{playlist_id}/entries/remove": {"entry_ids": [ABSENT]},
    "POST /api/playlists/{playlist_id}/entries/restore": {"entry_ids": [ABSENT]},
    "POST /api/playlists/{playlist_id}/collaborators": {"user_id": "999999"},
}
NO_SNOWFLAKES = ("1", "abc", "0" * 18, "9" * 21, "1" * 17 + "x", "%00", "１２３４５６７８９０１２３４５６７")


class World:
    """One guild with a queue, its people, and an outsider."""

    def __init__(self) -> None:
        self.guild: Guild = GuildFactory.create()
        RoleFactory.create(id=self.guild.pk, guild=self.guild)
        role = RoleFactory.create(guild=self.guild, name="DJ")
        ChannelFactory.create(guild=self.guild)
        self.guild.settings.dj_role_id = role.pk
        self.guild.settings.save()
        self.sessions: dict[str, AuthSession] = {}
        people: dict[str, dict[str, Any]] = {
            "owner": {"owner": True},
            "dj": {"role_ids": [self.guild.pk, role.pk]},
            "member": {"role_ids": [self.guild.pk]},
        }
        for name, options in people.items():
            member = MembershipFactory.create(guild=self.guild, **options)
            self.sessions[name] = SessionFactory.create(user=member.user)
        stranger = MembershipFactory.create(manager=True)
        self.sessions["outsider"] = SessionFactory.create(user=stranger.user)
        song = TrackFactory.create(title="Song")
        self.item: QueueItem = ItemFactory.create(
            guild=self.guild, requested_by=self.sessions["owner"].user, rank=1
        )
        ItemFactory.create(guild=self.guild, requested_by=self.sessions["owner"].user, rank=2)
        playing = ItemFactory.create(
            guild=self.guild, requested_by=self.sessions["owner"].user, state=ItemState.PLAYING
        )
        Player.objects.create(guild=self.guild, item=playing)
        self.rule = AlertRule.objects.create(guild=self.guild, stream_id="not-there", channel_id="1")
        origin = Origin(user=self.sessions["member"].user, via=Via.REST)
        self.playlist: Playlist = create_playlist("Ours", guild_id=self.guild.pk, origin=origin)
        add_tracks(self.playlist.pk, [song.uri], origin=origin)

    def client(self, person: str) -> Client:
        session = self.sessions.get(person)
        return Client(headers={"Authorization": f"Bearer {access_token(session)}"} if session else {})

    def fill(self, path: str, *, guild_id: str | None = None) -> str:
        values = {
            "guild_id": guild_id or self.guild.pk,
            "item_id": str(self.item.pk),
            "rule_id": str(self.rule.pk),
            "sid": str(self.sessions["owner"].pk),
            "stream_id": "not-there",
            "name": "not-there",
            "user_id": "1",
            "grant_id": "1",
            "collaborator_id": "1",
            "upload_id": ABSENT,
            "playlist_id": str(self.playlist.pk),
            "entry_id": str(self.playlist.entries.get().pk),
            "uid": "notthere",
            "seq": "1",
        }
        for name, value in values.items():
            path = path.replace(f"{{{name}}}", value)
        assert "{" not in path, f"say in this test what to put into {path}"
        return path


def ask(client: Client, route: str, path: str) -> Any:
    """Send a request and undo its effects."""
    method = route.partition(" ")[0]
    cache.clear()
    with transaction.atomic():
        try:
            return client.generic(
                method,
                path,
                data=json.dumps(BODIES.get(route, {})) if method != "GET" else "",
                content_type="application/json",
            )
        finally:
            transaction.set_rollback(True)


@pytest.fixture
def world(db: None, gibberish: Gibberish) -> World:
    world = World()
    for path in ("/oauth2/token", "/users/@me", "/users/@me/guilds", f"/guilds/{world.guild.pk}"):
        gibberish.say(path, b"<html>")
    return world


def test_every_route_is_in_the_table() -> None:
    generator: Any = SchemaGenerator()
    paths = generator.get_schema(request=None, public=True)["paths"]
    routes = {
        f"{method.upper()} {path}"
        for path, methods in paths.items()
        for method in methods
        if method != "parameters"
    }
    assert routes - TABLE.keys() == set(), "add rows for these to tests/guilds/test_who_may.py"
    assert TABLE.keys() - routes == set(), "these are no routes any more"


@pytest.mark.parametrize("person", PEOPLE)
def test_each_route_answers_as_the_table_says(person: str, world: World, gibberish: Gibberish) -> None:
    client, wrong = world.client(person), []
    for route, row in TABLE.items():
        asked = len(gibberish.asked)
        response = ask(client, route, world.fill(route.partition(" ")[2]))
        expected = row[PEOPLE.index(person)]
        if response.status_code != expected:
            wrong.append(f"{route}: {response.status_code}, not {expected}: {response.content[:200]!r}")
        elif expected >= 400 and not {"code", "detail"} <= response.json().keys():
            wrong.append(f"{route}: not the usual shape: {response.content[:200]!r}")
        if route.startswith("GET") and len(gibberish.asked) != asked:
            wrong.append(f"{route}: asked Discord")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("person", PEOPLE)
def test_a_guild_that_is_none_or_nobodys(person: str, world: World) -> None:
    client, wrong = world.client(person), []
    for route in GUILD_ROUTES:
        path = route.partition(" ")[2]
        unknown = ask(client, route, world.fill(path, guild_id="999999999999999999"))
        if unknown.status_code != (401 if person == "nobody" else 404):
            wrong.append(f"{route}, unknown guild: {unknown.status_code}")
        for guild_id in NO_SNOWFLAKES:
            bad = ask(client, route, world.fill(path, guild_id=guild_id))
            if bad.status_code != (401 if person == "nobody" else 400):
                wrong.append(f"{route}, guild {guild_id!r}: {bad.status_code}")
            elif person != "nobody" and bad.json()["code"] != "INVALID_GUILD_ID":
                wrong.append(f"{route}, guild {guild_id!r}: {bad.json()}")
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def live(server: Server) -> tuple[World, Server]:
    return World(), server


def test_the_socket_of_a_guild_opens_for_its_people_only(live: tuple[World, Server]) -> None:
    world, server = live
    for person in ("owner", "dj", "member"):
        with server.connect() as socket:
            ready = socket.init(f"guild:{world.guild.pk}", access_token(world.sessions[person]))
            assert ready["type"] == "ready", (person, ready)
            frame = {"eventId": f"matrix-{person}", "name": "ClearQueue", "args": {}}
            answer = socket.ask({"type": "push", "id": 1, "events": [frame]})
            if person == "member":
                assert (answer["type"], answer["code"]) == ("error", "FORBIDDEN")
            else:
                assert answer["type"] == "ack", answer
    for guild_id in (world.guild.pk, "999999999999999999", *NO_SNOWFLAKES):
        with server.connect() as socket:
            refused = socket.init(f"guild:{guild_id}", access_token(world.sessions["outsider"]))
            assert (refused["type"], refused["code"]) == ("error", "NOT_FOUND"), (guild_id, refused)
            assert socket.close_code() == 4404
    with server.connect() as socket:
        refused = socket.init(f"guild:{world.guild.pk}", "not a token")
        assert (refused["type"], refused["code"]) == ("error", "TOKEN_INVALID")
        assert socket.close_code() == 4401
