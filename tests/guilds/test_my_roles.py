"""The first page after a login needs roles that the gateway has not sent yet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from accounts.models import User
from guilds.domain import my_roles
from guilds.domain.memberships import store_roles
from guilds.freshness import shard_of
from guilds.models import BotShard, Guild, Membership
from realtime.models import Event
from sandbox.seed import DJ, DJ_ROLE, LOUNGE, OWNER
from streams.domain.streams import create_stream, share_with_guild
from tests.accounts.conftest import Discord, begin, log_in
from tests.accounts.test_exchange import code_of
from tests.factories import GuildFactory, MembershipFactory, RoleFactory, UserFactory
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def threads(sandbox: Discord, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Separate threads for the test, so that no late request consumes a fault of the next test."""
    with ThreadPoolExecutor(8) as pool:
        monkeypatch.setattr(my_roles, "_pool", pool)
        yield


@pytest.fixture
def guild(sandbox: Discord) -> Guild:
    """The Lounge as the bot mirrored it before this person first logged in."""
    guild: Guild = GuildFactory.create(guild_id=LOUNGE)
    for pk, name in ((LOUNGE, "@everyone"), (DJ_ROLE, "DJ")):
        RoleFactory.create(guild=guild, pk=pk, name=name, permissions=0)
    return guild


@pytest.fixture
def stream(guild: Guild) -> str:
    """A stream shared with the role DJ."""
    owner = MembershipFactory.create(guild=guild, user=UserFactory.create(discord_id=OWNER), owner=True).user
    stream = create_stream(owner, stream_id="cam-1", name="")
    share_with_guild(stream, LOUNGE, DJ_ROLE, write=False, sharer=owner)
    return stream.pk


def asked(sandbox: Discord) -> list[str]:
    """The paths under `/guilds` that are requested from Discord from now on."""
    paths: list[str] = []
    sandbox.sandbox.observers[:] = [
        lambda method, path, *_: paths.append(path) if "/guilds/" in path else None
    ]
    return paths


def roles_of(discord_id: str) -> list[str]:
    found: list[str] = Membership.objects.get(user__discord_id=discord_id, guild_id=LOUNGE).role_ids
    return found


def test_the_first_page_is_a_stream_shared_with_a_role(client: Client, sandbox: Discord, stream: str) -> None:
    back = client.get(sandbox.approve(begin(client, f"?next=/streams/{stream}"), "dj")).headers["Location"]
    assert back == f"/streams/{stream}"
    assert client.get(back).status_code == 200
    assert [each["id"] for each in client.get("/api/streams").json()] == [stream]
    assert client.get(f"/api/guilds/{LOUNGE}/snapshot").json()["can"]["clear"] is True
    somebody = Client()
    log_in(somebody, sandbox, "member")
    assert somebody.get(back).status_code == 404
    assert somebody.get(f"/api/guilds/{LOUNGE}/snapshot").json()["can"]["clear"] is False


def test_the_first_socket_follows_a_stream_shared_with_a_role(
    server: Server, sandbox: Discord, stream: str, settings: LazySettings
) -> None:
    body = {"code": code_of(sandbox, settings, "dj")}
    pair = Client().post("/api/auth/discord/exchange", body, content_type="application/json").json()
    bearer = {"Authorization": f"Bearer {pair['access']}"}
    with server.connect(additional_headers=bearer) as socket:
        assert socket.init(f"stream:{stream}")["type"] == "ready"
    with server.connect(path="/ws", additional_headers=bearer) as socket:
        answer = socket.ask({"type": "register", "id": 1, "streamId": stream, "consumes": ["video-frame"]})
        assert answer["type"] == "registered", answer


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http_status", "status": 500, "count": 9},
        {"kind": "rate_limit", "retry_after": 30, "count": 9},
        {"kind": "http_status", "status": 404, "count": 1},
    ],
    ids=lambda fault: str(fault["kind"]),
)
def test_a_discord_that_tells_no_roles_holds_no_login_up(
    fault: dict[str, Any], client: Client, sandbox: Discord, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(my_roles, "SECONDS", 0.3)
    sandbox.fault(path=f"/guilds/{LOUNGE}/members/", **fault)
    paths = asked(sandbox)
    assert log_in(client, sandbox, "dj").endswith("/dashboard")
    assert roles_of(DJ) == []
    assert client.get(f"/guilds/{LOUNGE}").status_code == 200
    until(lambda: paths)


def test_an_answer_that_comes_after_the_login_is_stored(
    client: Client,
    sandbox: Discord,
    guild: Guild,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(my_roles, "SECONDS", 0.1)
    sandbox.fault(kind="latency", ms=900, path=f"/guilds/{LOUNGE}/members/", count=1)
    assert log_in(client, sandbox, "dj").endswith("/dashboard")
    assert "Stopped waiting for the roles" in caplog.text
    until(lambda: roles_of(DJ) == sorted([LOUNGE, DJ_ROLE]))


def tell(guild: Guild, **changes: Any) -> None:
    """Store that the guild's shard has been connected for a minute."""
    now = timezone.now()
    shard = {
        "connected": True,
        "seen_at": now,
        "ready_at": now - timedelta(minutes=1),
        "members_intent": True,
    }
    BotShard.objects.update_or_create(number=shard_of(guild.pk, 1), count=1, defaults=shard | changes)


def test_discord_is_asked_only_where_the_gateway_does_not_tell(
    client: Client, sandbox: Discord, guild: Guild
) -> None:
    tell(guild)
    paths = asked(sandbox)
    log_in(client, sandbox, "dj")
    assert paths == [f"/guilds/{LOUNGE}/members/{DJ}"], "never seen"
    assert roles_of(DJ) == sorted([LOUNGE, DJ_ROLE])
    log_in(client, sandbox, "dj")
    assert len(paths) == 1, "the gateway tells of each change"
    sandbox.sandbox.world.members[LOUNGE, DJ].roles.clear()
    cases: list[dict[str, Any]] = [
        {"connected": False},
        {"members_intent": False},
        {"ready_at": timezone.now() + timedelta(hours=1)},  # a READY after this person's roles were stored
    ]
    for number, changes in enumerate(cases, 2):
        tell(guild, **changes)
        log_in(client, sandbox, "dj")
        assert len(paths) == number, changes
    assert roles_of(DJ) == [LOUNGE]


def test_a_guild_that_shows_up_in_a_refreshed_list_comes_with_roles(
    client: Client, sandbox: Discord, guild: Guild
) -> None:
    world = sandbox.sandbox.world
    member = world.members.pop((LOUNGE, DJ))
    log_in(client, sandbox, "dj")
    world.members[LOUNGE, DJ] = member
    cache.clear()
    assert client.get("/api/guilds?scope=all&refresh=true").status_code == 200
    assert DJ_ROLE in roles_of(DJ)


def test_only_guilds_with_the_bot_are_asked_and_not_too_many(
    client: Client, sandbox: Discord, guild: Guild, monkeypatch: pytest.MonkeyPatch
) -> None:
    Guild.objects.filter(pk=LOUNGE).update(bot_installed=False)
    paths = asked(sandbox)
    log_in(client, sandbox, "dj")
    Guild.objects.filter(pk=LOUNGE).update(bot_installed=True)
    monkeypatch.setattr(my_roles, "MAX_GUILDS", 0)
    log_in(client, sandbox, "dj")
    assert paths == []


@pytest.mark.both_databases
def test_what_the_gateway_told_meanwhile_is_newer(guild: Guild, in_threads: Callable[..., Any]) -> None:
    user: User = UserFactory.create(discord_id=DJ)
    asked_at = timezone.now()
    store_roles(LOUNGE, discord_id=DJ, role_ids=[DJ_ROLE], asked_at=asked_at)
    assert not Membership.objects.exists(), "who was never listed as a member is none"
    MembershipFactory.create(guild=guild, user=user)
    store_roles(LOUNGE, discord_id=DJ, role_ids=[])
    store_roles(LOUNGE, discord_id=DJ, role_ids=[DJ_ROLE], asked_at=asked_at)
    assert roles_of(DJ) == [LOUNGE]
    store_roles(LOUNGE, discord_id=DJ, role_ids=[DJ_ROLE], asked_at=timezone.now())
    assert DJ_ROLE in roles_of(DJ)
    reported = Event.objects.filter(name="RightsChanged").values_list("args", flat=True)
    assert str(user.pk) in json.dumps(
        [json.loads(args) if isinstance(args, str) else args for args in reported]
    )
