"""`/api/stores`: create, share, publish, and issue tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.domain.departure import delete_account, export_data
from accounts.domain.sessions import authenticate_sync
from accounts.errors import SessionRevoked
from accounts.models import User
from realtime.domain.append import append_all, lock_store
from realtime.domain.stores import create_store, set_member
from realtime.models import Event, Store, StoreMember, StoreRole, Via
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

Api = Callable[[User], Client]


def post(client: Client, path: str, body: Any) -> Any:
    return client.post(path, body, content_type="application/json")


def test_a_store_is_made_shown_published_and_deleted(api: Api) -> None:
    owner = UserFactory.create()
    client = api(owner)
    made = post(client, "/api/stores", {"name": "notes"})
    assert made.status_code == 201
    body = made.json()
    assert (body["name"], body["instance_id"], body["role"], body["public"], body["head"]) == (
        "notes", "app:notes", "owner", False, 0,
    )  # fmt: skip
    assert body["owner"]["id"] == str(owner.pk)
    assert client.get("/api/stores").json() == [body]
    assert client.get("/api/stores/notes").json() == body
    again = post(client, "/api/stores", {"name": "notes"})
    assert (again.status_code, again.json()["code"]) == (409, "STORE_EXISTS")
    patched = client.patch("/api/stores/notes", {"public": True}, content_type="application/json")
    assert patched.json() == body | {"public": True}
    assert client.delete("/api/stores/notes").status_code == 204
    assert client.get("/api/stores/notes").status_code == 404
    assert client.get("/api/stores").json() == []


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "a b"}, {"name": "x" * 101}, {"name": "a:b"}, [], None]
)
def test_a_name_that_is_none_is_refused_by_field(body: Any, api: Api) -> None:
    refused = post(api(UserFactory.create()), "/api/stores", body)
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_INPUT")
    assert Store.objects.count() == 0


def test_stores_of_others_do_not_exist_and_public_ones_may_be_read(api: Api) -> None:
    store = create_store(UserFactory.create(), "notes")
    stranger = api(UserFactory.create())
    for path in ("", "/members", "/tokens"):
        assert stranger.get(f"/api/stores/notes{path}").status_code == 404
    Store.objects.filter(pk=store.pk).update(public=True)
    assert stranger.get("/api/stores/notes").json()["role"] is None
    assert stranger.get("/api/stores").json() == []
    for refused in (
        stranger.get("/api/stores/notes/members"),
        stranger.delete("/api/stores/notes"),
        stranger.patch("/api/stores/notes", {"public": False}, content_type="application/json"),
        post(stranger, "/api/stores/notes/members", {"user_id": "1"}),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert Client().get("/api/stores").status_code == 401
    Store.objects.create(name="guild:1", public=True)
    assert stranger.get("/api/stores/guild:1").status_code == 404


def test_members_come_change_and_go(api: Api) -> None:
    owner, guest = UserFactory.create(), UserFactory.create()
    create_store(owner, "notes")
    client = api(owner)
    added = post(client, "/api/stores/notes/members", {"discord_id": guest.discord_id})
    assert (added.status_code, added.json()["role"]) == (201, "reader")
    changed = post(client, "/api/stores/notes/members", {"user_id": str(guest.pk), "role": "writer"})
    assert changed.json()["role"] == "writer"
    assert client.get("/api/stores/notes/members").json() == [changed.json()]
    assert api(guest).get("/api/stores").json()[0]["role"] == "writer"
    assert api(guest).get("/api/stores/notes/members").status_code == 403
    assert api(guest).delete(f"/api/stores/notes/members/{owner.pk}").status_code == 403
    assert api(guest).delete(f"/api/stores/notes/members/{guest.pk}").status_code == 204
    assert client.delete(f"/api/stores/notes/members/{guest.pk}").status_code == 404
    for bad in ({}, {"user_id": "999999"}, {"user_id": "x"}, {"discord_id": "1"}, {"role": "owner"}):
        assert post(client, "/api/stores/notes/members", bad).status_code == 400
    both = {"user_id": str(guest.pk), "discord_id": guest.discord_id}
    assert post(client, "/api/stores/notes/members", both).status_code == 400


def test_a_token_is_shown_once_listed_and_revoked(api: Api) -> None:
    owner, reader = UserFactory.create(), UserFactory.create()
    set_member(create_store(owner, "notes"), reader, StoreRole.READER)
    client = api(reader)
    made = post(client, "/api/stores/notes/tokens", {"device": "laptop"})
    assert made.status_code == 201
    token = made.json().pop("token")
    assert authenticate_sync(token).store == "app:notes"
    [listed] = client.get("/api/stores/notes/tokens").json()
    assert "token" not in listed
    assert (listed["id"], listed["device"]) == (made.json()["id"], "laptop")
    assert api(owner).get("/api/stores/notes/tokens").json() == []
    assert client.delete(f"/api/stores/notes/tokens/{listed['id']}").status_code == 204
    with pytest.raises(SessionRevoked):
        authenticate_sync(token)
    assert client.delete(f"/api/stores/notes/tokens/{listed['id']}").status_code == 404
    assert client.get("/api/stores/notes/tokens").json() == []


def test_tokens_end_with_the_membership_and_with_the_store(api: Api) -> None:
    owner, reader = UserFactory.create(), UserFactory.create()
    set_member(create_store(owner, "notes"), reader, StoreRole.READER)
    tokens = [
        post(api(user), "/api/stores/notes/tokens", {"device": "laptop"}).json()["token"]
        for user in (reader, owner)
    ]
    api(owner).delete(f"/api/stores/notes/members/{reader.pk}")
    with pytest.raises(SessionRevoked):
        authenticate_sync(tokens[0])
    authenticate_sync(tokens[1])
    api(owner).delete("/api/stores/notes")
    with pytest.raises(SessionRevoked):
        authenticate_sync(tokens[1])


@pytest.mark.parametrize("count", [1, 3])
def test_a_list_takes_the_same_queries_for_any_length(
    count: int, api: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    owner = UserFactory.create()
    for n in range(count):
        set_member(create_store(owner, f"notes{n}"), UserFactory.create(), StoreRole.READER)
    client = api(owner)
    client.get("/api/stores")
    with django_assert_num_queries(3):  # the caller, the stores, their members
        assert len(client.get("/api/stores").json()) == count


def test_who_leaves_takes_along_what_they_share_with_no_writer(settings: Settings) -> None:
    owner, reader, writer = UserFactory.create(), UserFactory.create(), UserFactory.create()
    for name, members in {"alone": [], "read": [reader], "shared": [reader, writer]}.items():
        store = create_store(owner, name)
        for member in members:
            set_member(store, member, StoreRole.WRITER if member is writer else StoreRole.READER)
        store = lock_store(store.name)
        append_all(
            store,
            [
                Event(
                    store=store,
                    seq=1,
                    event_id="event-01",
                    parent_seq=0,
                    name="N",
                    args="1",
                    actor=owner,
                    via=Via.SYNC,
                )
            ],
        )
    data = export_data(owner)
    assert [store["name"] for store in data["stores"]] == ["app:alone", "app:read", "app:shared"]
    assert {event["store"]: event["args"] for event in data["store_events"]}["app:read"] == "1"
    assert export_data(writer)["store_memberships"][0]["role"] == "writer"
    delete_account(owner)
    left = Store.objects.get(name__startswith="app:")
    assert (left.name, left.owner, left.head) == ("app:shared", writer, 1)
    assert list(StoreMember.objects.values_list("user", flat=True)) == [reader.pk]
    assert Event.objects.get().actor is None


def test_the_admin_shows_logs_and_hands_app_stores_over(operator: Client) -> None:
    owner, heir = UserFactory.create(), UserFactory.create()
    store = create_store(owner, "notes")
    guild = Store.objects.create(name="guild:1")
    assert b"app:notes" in operator.get("/admin/realtime/store/").content
    empty = {"members-TOTAL_FORMS": 0, "members-INITIAL_FORMS": 0}
    changed = operator.post(f"/admin/realtime/store/{store.pk}/change/", {"owner": heir.pk, **empty})
    assert changed.status_code == 302
    store.refresh_from_db()
    assert store.owner == heir
    assert operator.post(f"/admin/realtime/store/{guild.pk}/change/", {"owner": heir.pk}).status_code == 403
    assert operator.post(f"/admin/realtime/store/{guild.pk}/delete/", {"post": "yes"}).status_code == 403
    assert operator.post(f"/admin/realtime/store/{store.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Store.objects.filter(pk=store.pk).exists()
