"""A person's list of guilds: read at login, cached for five minutes, and refreshed on demand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts import discord
from accounts.domain.grants import access_token_of
from accounts.models import DiscordGrant, User
from guilds.domain.memberships import store_my_guilds
from guilds.models import Membership
from sandbox.seed import JUNIPER, LOUNGE, MEMBER, OWNER
from tests.accounts.conftest import Discord, log_in

pytestmark = pytest.mark.django_db

LIST = "/api/guilds?scope=all"


@pytest.fixture
def enter(
    sandbox: Discord, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> Callable[[], Client]:
    """Return a function that logs `owner` in through the sandbox."""

    def enter() -> Client:
        client = Client()
        with django_capture_on_commit_callbacks(execute=True):
            log_in(client, sandbox)
        return client

    return enter


@pytest.fixture
def client(enter: Callable[[], Client]) -> Client:
    client = enter()
    # Otherwise both would be refused as too early.
    cache.clear()
    discord._transport.cache_clear()
    return client


def ids(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.content
    return {guild["id"] for guild in answer.json()}


def lose(sandbox: Discord, guild_id: str = JUNIPER) -> None:
    del sandbox.sandbox.world.members[guild_id, OWNER]


def asked(sandbox: Discord) -> list[str]:
    """The requests for the guild list from now on."""
    paths: list[str] = []

    def note(method: str, path: str, *_: Any) -> None:
        if path == "/users/@me/guilds":
            paths.append(path)

    sandbox.sandbox.observers[:] = [note]
    return paths


def test_a_plain_request_reads_the_database(client: Client, sandbox: Discord) -> None:
    seen = asked(sandbox)
    lose(sandbox)
    assert ids(client.get(LIST)) == {LOUNGE, JUNIPER}
    assert not seen


def test_on_demand_discord_is_asked(client: Client, sandbox: Discord) -> None:
    seen = asked(sandbox)
    lose(sandbox)
    assert ids(client.get(f"{LIST}&refresh=true")) == {LOUNGE}
    assert len(seen) == 1
    assert client.get(f"/api/guilds/{JUNIPER}").status_code == 404


def test_not_twice_in_a_moment(client: Client, sandbox: Discord) -> None:
    seen = asked(sandbox)
    for _ in range(5):
        assert ids(client.get(f"{LIST}&refresh=true")) == {LOUNGE, JUNIPER}
    assert len(seen) == 1


def test_automatically_once_in_five_minutes(client: Client, sandbox: Discord) -> None:
    seen = asked(sandbox)
    for _ in range(3):
        client.get(f"{LIST}&refresh=auto")
    assert len(seen) == 1


def test_the_login_counts_as_a_reading(sandbox: Discord, enter: Callable[[], Client]) -> None:
    client = enter()
    seen = asked(sandbox)
    client.get(f"{LIST}&refresh=auto")
    assert not seen


def test_a_new_guild_and_a_new_right_appear(client: Client, sandbox: Discord) -> None:
    world = sandbox.sandbox.world
    everyone = world.roles[LOUNGE]
    world.guilds[LOUNGE].owner_id = MEMBER
    everyone.permissions |= 8
    found = {g["id"]: g for g in client.get(f"{LIST}&refresh=true").json()}
    assert (found[LOUNGE]["owner"], found[LOUNGE]["can_manage"]) == (False, True)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "http_status", "status": 500, "count": 9}, 502, "DISCORD_FAILED"),
        ({"kind": "rate_limit", "retry_after": 30, "count": 9}, 502, "DISCORD_RATE_LIMITED"),
    ],
)
def test_a_discord_that_fails_is_said_and_what_was_known_stays(
    fault: dict[str, Any], status: int, code: str, client: Client, sandbox: Discord
) -> None:
    sandbox.fault(path="/users/@me/guilds", **fault)
    answer = client.get(f"{LIST}&refresh=true")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ids(client.get(LIST)) == {LOUNGE, JUNIPER}


def test_a_permission_taken_back_at_discord_asks_for_a_new_login(client: Client, sandbox: Discord) -> None:
    user = User.objects.get(discord_id=OWNER)
    discord.revoke_token(access_token_of(user))
    for _ in range(2):  # the second time no request is sent to Discord
        answer = client.get(f"{LIST}&refresh=true")
        assert (answer.status_code, answer.json()["code"]) == (401, "DISCORD_LOGIN_REQUIRED")
        assert "Log in again" in answer.json()["detail"]
    assert DiscordGrant.objects.get(user=user).dead_at is not None
    assert ids(client.get(LIST)) == {LOUNGE, JUNIPER}  # the session itself is valid
    assert b"Log in again" in client.get("/dashboard").content
    log_in(client, sandbox)
    cache.clear()
    assert ids(client.get(f"{LIST}&refresh=true")) == {LOUNGE, JUNIPER}


def test_what_the_gateway_wrote_meanwhile_is_newer(client: Client, sandbox: Discord) -> None:
    """Discord responds with the state before the gateway's event."""
    user = User.objects.get(discord_id=OWNER)
    asked_at = timezone.now() - timedelta(seconds=1)
    mine = Membership.objects.get(user=user, guild_id=LOUNGE)
    mine.owner, mine.permissions = False, 0
    mine.save()
    partial = {"id": LOUNGE, "name": "x", "owner": True, "permissions": "8"}
    store_my_guilds(user, [partial], asked_at=asked_at)
    mine.refresh_from_db()
    assert (mine.owner, mine.permissions) == (False, 0)
    store_my_guilds(user, [], asked_at=asked_at)
    assert Membership.objects.filter(user=user, guild_id=LOUNGE).exists()
    store_my_guilds(user, [partial], asked_at=timezone.now())
    mine.refresh_from_db()
    assert mine.owner


@pytest.mark.django_db(transaction=True)
@pytest.mark.both_databases
def test_several_tabs_at_once_all_get_the_list(client: Client, in_threads: Callable[..., list[Any]]) -> None:
    cookies = client.cookies

    def one(_: int) -> set[str]:
        mine = Client()
        mine.cookies = cookies
        return ids(mine.get(f"{LIST}&refresh=true"))

    assert in_threads(3, one) == [{LOUNGE, JUNIPER}] * 3
