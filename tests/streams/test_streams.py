"""Streams over REST: owners, shares, device tokens, and stored messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.domain.departure import delete_account
from accounts.domain.sessions import authenticate_sync
from accounts.errors import SessionRevoked
from accounts.models import User
from realtime import kinds
from realtime.errors import StoreNotFound
from realtime.models import Event, Store, Via
from realtime.origin import Origin
from streams.domain.alerts import Alert, Picture, write_alert
from streams.domain.streams import create_stream, delete_stream, share_with_user
from streams.errors import NoPermission, StreamNotFound
from streams.models import AlertFrame, Stream
from streams.signals import alert_written
from tests.factories import GuildFactory, MembershipFactory, RoleFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

Api = Callable[[User], Client]
JPEG = b"\xff\xd8\xff" + b"picture" * 10


def post(client: Client, path: str, **body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


def patch(client: Client, path: str, **body: Any) -> Any:
    return client.patch(path, body, content_type="application/json")


@pytest.fixture
def owner() -> User:
    return UserFactory.create()


@pytest.fixture
def stream(owner: User) -> Stream:
    return create_stream(owner, stream_id="cam-1", name="Front door")


def alert(owner: User, text: str = "motion", *, picture: Picture | None = None, command: str = "") -> int:
    origin = Origin(user=owner, via=Via.SYNC, command_id=command)
    return write_alert("cam-1", "alert", {"level": "high", "text": text}, origin=origin, picture=picture)


def readers(*users: User) -> list[User]:
    """Return those of the users who may read the stream's log."""
    may = kinds.find("stream:cam-1")[0].readers({("cam-1", user.pk) for user in users})
    return [user for user in users if ("cam-1", user.pk) in may]


def test_a_stream_is_made_named_changed_and_deleted_with_its_log(api: Api, owner: User) -> None:
    client = api(owner)
    made = post(client, "/api/streams", id="cam-1", name="Front door")
    assert made.status_code == 201
    shape = made.json()
    assert shape | {"created_at": "", "owner": {}} == {
        "id": "cam-1",
        "name": "Front door",
        "owner": {},
        "public": False,
        "durable_types": ["alert"],
        "access": "owner",
        "created_at": "",
        "producing": 0,
        "watching": 0,
        "presence": [],
    }
    assert post(client, "/api/streams", id="cam-1").json()["code"] == "STREAM_EXISTS"
    changed = patch(client, "/api/streams/cam-1", public=True, durable_types=["alert", "door"]).json()
    assert (changed["public"], changed["durable_types"], changed["name"]) == (
        True,
        ["alert", "door"],
        "Front door",
    )
    alert(owner)
    assert client.delete("/api/streams/cam-1").status_code == 204
    assert client.get("/api/streams/cam-1").json() == {
        "code": "NOT_FOUND",
        "detail": "Stream not found.",
    }
    assert not Store.objects.filter(name="stream:cam-1").exists()
    assert not Event.objects.exists()


def test_without_an_id_one_is_made_up(api: Api, owner: User) -> None:
    first, second = (post(api(owner), "/api/streams", name="x").json()["id"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize(
    "body",
    [
        {"id": "a b"},
        {"id": "../x"},
        {"id": "x" * 65},
        {"id": "cam\nera"},
        {"name": "n\0n"},
        {"durable_types": ["register here"]},
        {"durable_types": "alert"},
        {"durable_types": ["presence"]},
        {"public": "perhaps"},
    ],
)
def test_bad_input_is_refused_by_field(api: Api, owner: User, body: dict[str, Any]) -> None:
    answer = post(api(owner), "/api/streams", **body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_INPUT")
    assert set(answer.json()["errors"]) == set(body)


@pytest.mark.parametrize("path", ["/api/streams/a%00b", "/api/streams/a%20b", "/api/streams/" + "x" * 65])
def test_an_id_that_cannot_be_is_not_found(api: Api, owner: User, path: str) -> None:
    assert api(owner).get(path).status_code == 404


def test_readers_and_writers_find_the_stream_and_only_its_owner_changes_it(
    api: Api, owner: User, stream: Stream
) -> None:
    reader, writer, outsider = UserFactory.create_batch(3)
    grants = "/api/streams/cam-1/members"
    assert post(api(owner), grants, user_id=str(reader.pk)).status_code == 201
    assert post(api(owner), grants, discord_id=writer.discord_id, access="write").json()["access"] == "write"
    for user, access in ((reader, "read"), (writer, "write"), (owner, "owner")):
        found = api(user).get("/api/streams").json()
        assert [(s["id"], s["access"]) for s in found] == [("cam-1", access)]
    assert api(outsider).get("/api/streams").json() == []
    assert api(outsider).get("/api/streams/cam-1").status_code == 404
    for path in ("", "/members", "/tokens"):
        method = api(writer).delete if not path else api(writer).get
        assert method(f"/api/streams/cam-1{path}").status_code == 403
    assert patch(api(writer), "/api/streams/cam-1", public=True).json()["code"] == "FORBIDDEN"
    assert readers(owner, reader, writer, outsider) == [owner, reader, writer]

    listed = api(owner).get(grants).json()
    assert [(g["user"]["id"], g["access"]) for g in listed] == [
        (str(reader.pk), "read"),
        (str(writer.pk), "write"),
    ]
    assert api(owner).delete(f"{grants}/{listed[0]['id']}").status_code == 204
    assert api(owner).delete(f"{grants}/{listed[0]['id']}").status_code == 404
    assert api(reader).get("/api/streams").json() == []


def test_sharing_twice_changes_the_right(api: Api, owner: User, stream: Stream) -> None:
    friend = UserFactory.create()
    for access in ("read", "write", "read"):
        post(api(owner), "/api/streams/cam-1/members", user_id=str(friend.pk), access=access)
        assert api(friend).get("/api/streams").json()[0]["access"] == access
    assert stream.grants.count() == 1


def test_a_guild_shares_by_membership_and_by_role(api: Api, owner: User, stream: Stream) -> None:
    guild = GuildFactory.create()
    role = RoleFactory.create(guild=guild)
    MembershipFactory.create(guild=guild, user=owner)
    plain = MembershipFactory.create(guild=guild)
    ranked = MembershipFactory.create(guild=guild, role_ids=[role.pk])
    elsewhere = MembershipFactory.create(role_ids=[role.pk])
    grants = "/api/streams/cam-1/members"
    shared = post(api(owner), grants, guild_id=guild.pk, role_id=role.pk, access="write").json()
    assert (shared["guild_id"], shared["role_id"]) == (guild.pk, role.pk)
    assert [s["access"] for s in api(ranked.user).get("/api/streams").json()] == ["write"]
    for somebody in (plain, elsewhere):
        assert api(somebody.user).get("/api/streams").json() == []
    assert readers(owner, plain.user, ranked.user, elsewhere.user) == [owner, ranked.user]

    everyone = post(api(owner), grants, guild_id=guild.pk, role_id=guild.pk).json()  # @everyone
    assert everyone["role_id"] is None
    assert [s["access"] for s in api(plain.user).get("/api/streams").json()] == ["read"]
    assert api(ranked.user).get("/api/streams/cam-1").json()["access"] == "write"
    plain.delete()
    assert api(plain.user).get("/api/streams/cam-1").status_code == 404


def test_one_shares_only_with_people_guilds_and_roles_one_knows(
    api: Api, owner: User, stream: Stream
) -> None:
    mine, other = MembershipFactory.create(user=owner).guild, GuildFactory.create()
    role = RoleFactory.create(guild=other)
    grants = "/api/streams/cam-1/members"
    assert post(api(owner), grants, guild_id=other.pk).json()["code"] == "GUILD_NOT_FOUND"
    assert post(api(owner), grants, guild_id=mine.pk, role_id=role.pk).json()["code"] == "ROLE_NOT_FOUND"
    for body in ({}, {"user_id": "0"}, {"user_id": "x"}, {"guild_id": mine.pk, "user_id": str(owner.pk)}):
        assert post(api(owner), grants, **body).json()["code"] == "INVALID_INPUT"


def test_everybody_may_read_a_public_stream_but_sees_nobody_there(
    api: Api, owner: User, stream: Stream
) -> None:
    patch(api(owner), "/api/streams/cam-1", public=True)
    seen = api(UserFactory.create()).get("/api/streams/cam-1").json()
    assert (seen["access"], seen["presence"]) == ("read", None)
    stranger = UserFactory.create()
    assert readers(stranger) == [stranger]
    assert api(UserFactory.create()).get("/api/streams").json() == []  # accessible by id, but not listed


def test_a_device_token_is_for_one_stream_and_is_ended_or_rotated(
    api: Api, owner: User, stream: Stream
) -> None:
    client = api(owner)
    first, second = (
        post(client, "/api/streams/cam-1/tokens", device=name).json() for name in ("phone", "pi")
    )
    principal = authenticate_sync(first["token"])
    assert (principal.user, principal.store) == (owner, "stream:cam-1")
    assert [token["device"] for token in client.get("/api/streams/cam-1/tokens").json()] == ["pi", "phone"]
    assert "token" not in client.get("/api/streams/cam-1/tokens").json()[0]
    assert client.delete(f"/api/streams/cam-1/tokens/{first['id']}").status_code == 204
    with pytest.raises(SessionRevoked):
        authenticate_sync(first["token"])
    third = post(client, "/api/streams/cam-1/rotate", device="new").json()
    with pytest.raises(SessionRevoked):
        authenticate_sync(second["token"])
    assert authenticate_sync(third["token"]).user == owner
    headers = {"Authorization": f"Bearer {third['token']}"}
    assert Client(headers=headers).get("/api/streams").status_code == 401  # the token is not valid for REST


def test_alerts_are_read_newest_first_with_their_pictures(api: Api, owner: User, stream: Stream) -> None:
    alert(owner, "one")
    alert(owner, "two", picture=Picture("image/jpeg", JPEG, time.time()))
    alert(owner, "three")
    client = api(owner)
    page = client.get("/api/streams/cam-1/alerts?limit=2").json()
    assert [(a["seq"], a["args"]["text"], a["has_frame"]) for a in page["items"]] == [
        (3, "three", False),
        (2, "two", True),
    ]
    assert page["items"][0]["from"]["id"] == str(owner.pk)
    rest = client.get(f"/api/streams/cam-1/alerts?before={page['next']}").json()
    assert ([a["seq"] for a in rest["items"]], rest["next"]) == ([1], None)
    frame = client.get("/api/streams/cam-1/alerts/2/frame")
    assert (frame["Content-Type"], frame.content) == ("image/jpeg", JPEG)
    assert client.get("/api/streams/cam-1/alerts/1/frame").json()["code"] == "NO_FRAME"
    assert api(UserFactory.create()).get("/api/streams/cam-1/alerts/2/frame").status_code == 404


def test_only_those_who_may_publish_write_an_alert(owner: User, stream: Stream) -> None:
    reader = UserFactory.create()
    share_with_user(stream, reader, write=False)
    for user in (reader, UserFactory.create()):
        with pytest.raises(NoPermission):
            alert(user)
    delete_stream(stream)
    with pytest.raises(StreamNotFound):
        alert(owner)


def test_an_alert_repeated_under_its_id_is_written_once(owner: User, stream: Stream) -> None:
    assert [alert(owner, command="c" * 8) for _ in range(2)] == [1, 1]
    assert Event.objects.count() == 1


def test_a_picture_older_than_the_stream_is_another_ones(owner: User, stream: Stream) -> None:
    alert(owner, picture=Picture("image/jpeg", JPEG, stream.created_at.timestamp() - 1))
    assert not AlertFrame.objects.exists()


def test_only_the_newest_pictures_are_kept(
    owner: User, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.domain.alerts.KEPT_FRAMES", 2)
    for _ in range(4):
        alert(owner, picture=Picture("image/jpeg", JPEG, time.time()))
    assert list(AlertFrame.objects.order_by("event__seq").values_list("event__seq", flat=True)) == [3, 4]


def admin_form(owner: User, durable_types: str) -> dict[str, Any]:
    forms = {f"grants-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL")}
    return forms | {"id": "hall", "name": "", "owner": owner.pk, "durable_types": durable_types}


def test_a_stream_that_an_operator_makes_has_a_log_to_read(operator: Client, owner: User) -> None:
    added = operator.post(reverse("admin:streams_stream_add"), admin_form(owner, '["alert", "door"]'))
    assert added.status_code == 302
    assert Store.objects.filter(name="stream:hall").exists()
    assert Stream.objects.get().durable_types == ["alert", "door"]


@pytest.mark.parametrize("types", ["5", "null", '"alert"', "[5]", '["a b"]', '["ack"]', f"{['x'] * 17}"])
def test_an_operator_keeps_only_what_are_types(operator: Client, owner: User, types: str) -> None:
    types = types.replace("'", '"')
    page = operator.post(reverse("admin:streams_stream_add"), admin_form(owner, types))
    assert "durable_types" in page.context["adminform"].form.errors
    assert not Stream.objects.exists()


def test_the_log_is_closed_to_outsiders(owner: User, stream: Stream) -> None:
    kind, key = kinds.find("stream:cam-1")
    kind.authorize(owner, key)
    with pytest.raises(StoreNotFound):
        kind.authorize(UserFactory.create(), key)


def test_what_is_kept_about_a_person_is_exported_and_goes_with_them(
    api: Api, owner: User, stream: Stream
) -> None:
    friend = UserFactory.create()
    share_with_user(stream, friend, write=True)
    theirs = create_stream(friend)
    share_with_user(theirs, owner, write=False)
    alert(owner)
    data = api(owner).get("/api/auth/me/export").json()
    assert [(s["id"], s["members"][0]["user"]["id"]) for s in data["streams"]] == [("cam-1", str(friend.pk))]
    assert data["stream_memberships"] == [{"stream": theirs.pk, "access": "read"}]
    assert [(m["stream"], m["type"]) for m in data["stream_messages"]] == [("cam-1", "alert")]
    alert(friend)
    delete_account(friend)
    assert not Stream.objects.filter(pk=theirs.pk).exists()
    assert not Store.objects.filter(name=theirs.log).exists()
    assert not stream.grants.exists()
    assert list(Event.objects.order_by("seq").values_list("actor", flat=True)) == [owner.pk, None]


def test_lists_cost_the_same_with_one_and_with_three(
    api: Api, owner: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = api(owner)
    create_stream(owner)
    with django_assert_num_queries(5):
        assert len(client.get("/api/streams").json()) == 1
    create_stream(owner)
    create_stream(owner)
    with django_assert_num_queries(5):
        assert len(client.get("/api/streams").json()) == 3


def test_what_listens_to_alerts_is_kept_with_them_or_refuses_them(
    owner: User, stream: Stream, request: pytest.FixtureRequest
) -> None:
    heard: list[tuple[str, int]] = []

    def listen(sender: None, *, alert: Alert, **kwargs: Any) -> None:
        heard.append((alert.args["text"], alert.event.seq))
        stream.grants.create(user=UserFactory.create())  # a row in the same transaction
        if alert.args["text"] == "refused":
            raise RuntimeError

    request.addfinalizer(lambda: alert_written.disconnect(listen))
    alert_written.connect(listen)
    alert(owner, "kept", command="a" * 8)
    alert(owner, "kept", command="a" * 8)  # repeated, so it is not delivered again
    with pytest.raises(RuntimeError):
        alert(owner, "refused")
    assert heard == [("kept", 1), ("refused", 2)]
    assert stream.grants.count() == 1
    assert Event.objects.get().seq == 1
