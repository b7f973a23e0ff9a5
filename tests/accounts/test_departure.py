"""Exporting one's data, and deleting one's account."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import httpx
import pytest
from django.db import transaction
from django.test import Client

from accounts.domain.departure import export_pieces
from accounts.domain.grants import access_token_of
from accounts.encryption import decrypt
from accounts.models import AuthSession, DiscordGrant, RefreshChain, User
from guilds.models import Membership
from queue_app.commands import execute
from queue_app.models import QueueItem
from realtime.domain.append import append_untyped, lock_store
from realtime.domain.stores import create_store
from realtime.models import Command, Event, Via
from realtime.origin import Origin
from tests.accounts.conftest import Discord, log_in
from tests.conftest import access_token
from tests.factories import GuildFactory, MembershipFactory, SessionFactory, TrackFactory, UserFactory
from tests.server import Server

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


def headers_of(browser: Client) -> dict[str, str]:
    return {"Authorization": f"Bearer {browser.post('/api/auth/token').json()['access']}"}


@pytest.fixture
def owner(client: Client, there: Discord) -> User:
    log_in(client, there)
    return User.objects.get(username="owner")


def queue_something(user: User) -> str:
    membership = Membership.objects.filter(user=user, guild__bot_installed=True).first()
    guild = (
        membership.guild
        if membership
        else MembershipFactory.create(user=user, guild=GuildFactory.create()).guild
    )
    TrackFactory.create(title="Moss", search_text="moss")
    execute(guild.pk, "AddTrack", {"query": "moss"}, origin=Origin(user=user, via=Via.REST))
    return str(guild.pk)


def test_the_export_holds_everything_about_one_and_no_key(client: Client, owner: User) -> None:
    stranger = UserFactory.create(username="somebody-else")
    queue_something(owner)
    pair = client.post("/api/auth/token").json()
    response = client.get("/api/auth/me/export", headers={"Authorization": f"Bearer {pair['access']}"})
    assert response.status_code == 200
    assert response.headers["Content-Disposition"] == 'attachment; filename="backline-export.json"'
    data = response.json()
    assert data["account"]["discord_id"] == owner.discord_id
    assert data["account"]["last_login"] is not None
    assert [session["sid"] for session in data["sessions"]] == [str(AuthSession.objects.get().pk)]
    assert set(data["grant"]["scope"].split()) == {"identify", "guilds"}
    assert "Sandbox Lounge" in json.dumps(data, ensure_ascii=False), "memberships"
    assert "Moss" in json.dumps(data), "what was queued"
    grant = DiscordGrant.objects.get()
    secrets = [grant.access_token, grant.refresh_token, decrypt(grant.access_token), *pair.values()]
    text = response.content.decode()
    assert not [secret for secret in secrets if secret in text]
    assert stranger.username not in text


def test_the_export_of_a_long_log_takes_little_memory(server: Server) -> None:
    session = SessionFactory.create()
    for name in ("app:one", "app:two"):
        create_store(session.user, name.removeprefix("app:"))
        with transaction.atomic():
            store = lock_store(name)
            for _ in range(100):
                append_untyped(
                    store, "Noted", {"text": "x" * 100_000}, origin=Origin(user=session.user, via=Via.SYNC)
                )
    tracemalloc.start()
    try:
        size = sum(map(len, export_pieces(session.user)))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 20_000_000
    assert most < size / 2
    bearer = {"Authorization": f"Bearer {access_token(session)}"}
    events = httpx.get(f"{server.url}/api/auth/me/export", headers=bearer, timeout=30).json()["store_events"]
    assert [(event["store"], event["seq"]) for event in events] == [
        (name, seq) for name in ("app:one", "app:two") for seq in range(1, 101)
    ]


def test_the_export_also_comes_to_the_pages_cookie_and_to_nobody_else(client: Client, owner: User) -> None:
    assert client.get("/api/auth/me/export").json()["account"]["username"] == "owner"
    assert Client().get("/api/auth/me/export").status_code == 401


def test_leaving_ends_cookie_tokens_and_grant(client: Client, there: Discord, owner: User) -> None:
    discords = access_token_of(owner)
    pair = client.post("/api/auth/token").json()
    headers = {"Authorization": f"Bearer {pair['access']}"}
    Client().post("/api/auth/token/refresh", {"refresh": pair["refresh"]}, content_type="application/json")
    response = client.delete("/api/auth/me", headers=headers)
    assert (response.status_code, response.content) == (204, b"")
    assert client.get("/dashboard").status_code == 302
    assert client.get("/api/auth/me", headers=headers).json()["code"] == "USER_NOT_FOUND"
    refreshed = client.post(
        "/api/auth/token/refresh", {"refresh": pair["refresh"]}, content_type="application/json"
    )
    assert refreshed.status_code == 401
    assert there.sandbox.tokens.grant_for(discords) is None, "given back to Discord"
    for model in (User, AuthSession, RefreshChain, DiscordGrant, Membership):
        assert not model.objects.exists(), model


def test_leaving_needs_the_csrf_token_with_a_cookie(owner: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(owner)
    refused = browser.delete("/api/auth/me")
    assert (refused.status_code, refused.json()["code"]) == (403, "CSRF_FAILED")
    assert User.objects.filter(pk=owner.pk).exists()


def test_what_one_did_stays_in_the_log_without_a_name(client: Client, owner: User) -> None:
    guild_id = queue_something(owner)
    keeper = UserFactory.create(username="keeper")
    MembershipFactory.create(user=keeper, guild_id=guild_id, manager=True)
    origin = Origin(user=keeper, via=Via.REST, command_id="tidy-up")
    execute(guild_id, "RemoveItem", {"item_id": str(QueueItem.objects.get().pk)}, origin=origin)
    client.delete("/api/auth/me", headers=headers_of(client))
    added, removed = Event.objects.filter(store__name=f"guild:{guild_id}").order_by("seq")
    assert (added.name, added.actor, removed.name, removed.actor) == (
        "TrackAdded",
        None,
        "TrackRemoved",
        keeper,
    )
    for event in (added, removed):
        item = json.loads(event.args)["item"]
        assert (item["track"]["title"], item["requested_by"]) == ("Moss", None)
    assert QueueItem.objects.get().requested_by is None
    kept = [*Event.objects.values_list("args", flat=True), *Command.objects.values_list("answer", flat=True)]
    assert len(kept) == 3
    assert not [text for text in kept if '"owner"' in text or str(owner.discord_id) in text]


def test_a_discord_that_does_not_answer_keeps_nobody_here(
    client: Client, there: Discord, owner: User
) -> None:
    there.fault(kind="http_status", status=500, path="/oauth2/token/revoke", count=9)
    assert client.delete("/api/auth/me", headers=headers_of(client)).status_code == 204
    assert not User.objects.exists()


def test_an_open_socket_ends_with_the_account(server: Server) -> None:
    user = UserFactory.create()
    guild = MembershipFactory.create(user=user).guild
    browser = Client()
    browser.force_login(user)
    headers = headers_of(browser)
    token = headers["Authorization"].removeprefix("Bearer ")
    with server.connect() as socket:
        assert socket.init(f"guild:{guild.pk}", token)["type"] == "ready"
        assert browser.delete("/api/auth/me", headers=headers).status_code == 204
        frame: dict[str, Any] = socket.receive(seconds=2)
        assert frame["code"] in {"SESSION_REVOKED", "USER_NOT_FOUND"}  # in either order
        assert socket.close_code() == 4401


def test_coming_back_makes_a_new_account(client: Client, there: Discord, owner: User) -> None:
    client.delete("/api/auth/me", headers=headers_of(client))
    log_in(client, there)
    assert User.objects.get().pk != owner.pk
