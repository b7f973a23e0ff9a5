"""Refreshing a guild over REST, and the reported age of the mirror."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts import discord
from accounts.models import User
from guilds.freshness import FRESH, SILENCE, shard_of
from guilds.models import BotShard, Channel, Guild, Role, VoiceState
from sandbox.model import Channel as SandboxChannel
from sandbox.model import ChannelType
from sandbox.seed import BOT_ROLE, DJ_ROLE, LOUNGE, OWNER
from tests.accounts.conftest import Discord
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, UserFactory, sit

pytestmark = pytest.mark.django_db

URL = f"/api/guilds/{LOUNGE}/refresh"


@pytest.fixture
def guild(sandbox: Discord) -> Guild:
    return GuildFactory.create(guild_id=LOUNGE, name="Before")


@pytest.fixture
def client(guild: Guild, api: Callable[[User], Client]) -> Client:
    user = UserFactory.create(discord_id=OWNER)
    return api(MembershipFactory.create(guild=guild, user=user, owner=True).user)


def answers(sandbox: Discord) -> list[tuple[str, str]]:
    """The requests to Discord from now on: `(method, path)`."""
    asked: list[tuple[str, str]] = []
    sandbox.sandbox.observers[:] = [lambda method, path, *_: asked.append((method, path))]
    return asked


def test_everything_is_read_again(client: Client, guild: Guild) -> None:
    gone = ChannelFactory.create(guild=guild, name="gone")
    answer = client.post(URL)
    assert answer.status_code == 202, answer.content
    assert (answer.json()["name"], answer.json()["member_count"]) == ("Sandbox Lounge", 4)
    assert answer.json()["stale_since"] is None
    guild.refresh_from_db()
    assert (guild.owner_id, guild.bot_role_ids) == (OWNER, [BOT_ROLE])
    assert not Channel.objects.filter(pk=gone.pk).exists()
    news = Channel.objects.get(guild=guild, name="news")
    assert (news.type, len(news.overwrites)) == (ChannelType.ANNOUNCEMENT, 2)
    assert Role.objects.get(pk=DJ_ROLE).mentionable


def test_it_is_what_the_gateway_would_have_told(client: Client, guild: Guild) -> None:
    """Read both ways, nothing differs and nothing is written, so both produce the same rows."""
    client.post(URL)
    before = list(Channel.objects.order_by("pk").values()), list(Role.objects.order_by("pk").values())
    Guild.objects.update(mirrored_at=None)
    discord._transport.cache_clear()

    cache.clear()
    assert client.post(URL).status_code == 202
    assert before == (
        list(Channel.objects.order_by("pk").values()),
        list(Role.objects.order_by("pk").values()),
    )


def test_who_sits_in_voice_is_left_as_it_is(client: Client, sandbox: Discord, guild: Guild) -> None:
    stage = next(c for c in sandbox.sandbox.world.channels.values() if c.name == "Stage left")
    sit(UserFactory.create(), ChannelFactory.create(id=stage.id, guild=guild, voice=True))
    client.post(URL)
    assert VoiceState.objects.get().channel_id == stage.id


def test_what_the_gateway_told_meanwhile_is_newer(client: Client, guild: Guild) -> None:
    Guild.objects.update(mirrored_at=timezone.now() + timedelta(seconds=1))
    assert client.post(URL).status_code == 202
    guild.refresh_from_db()
    assert guild.name == "Before"


def test_it_costs_four_requests_and_may_be_had_once_in_ten_seconds(client: Client, sandbox: Discord) -> None:
    asked = answers(sandbox)
    assert client.post(URL).status_code == 202
    assert [method for method, _ in asked] == ["GET"] * 4
    again = client.post(URL)
    assert (again.status_code, again.json()["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(again.headers["Retry-After"]) <= 10
    assert len(asked) == 4


def test_without_the_bot_it_is_a_conflict(client: Client) -> None:
    Guild.objects.update(bot_installed=False)
    answer = client.post(URL)
    assert (answer.status_code, answer.json()["code"]) == (409, "BOT_NOT_INSTALLED")


def test_a_bot_that_was_removed_unseen_is_noted(client: Client, sandbox: Discord, guild: Guild) -> None:
    del sandbox.sandbox.world.members[LOUNGE, sandbox.sandbox.world.bot_id]
    answer = client.post(URL)
    assert (answer.status_code, answer.json()["code"]) == (409, "BOT_NOT_INSTALLED")
    guild.refresh_from_db()
    assert not guild.bot_installed
    assert guild.left_at is not None


def test_an_outage_is_not_a_removal(client: Client, sandbox: Discord, guild: Guild) -> None:
    sandbox.sandbox.world.unavailable.add(LOUNGE)
    answer = client.post(URL)
    assert (answer.status_code, answer.json()["code"]) == (503, "GUILD_UNAVAILABLE")
    guild.refresh_from_db()
    assert guild.bot_installed


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "http_status", "status": 500, "count": 9}, 502, "DISCORD_FAILED"),
        ({"kind": "http_status", "status": 401, "count": 1}, 502, "DISCORD_REFUSED"),
        ({"kind": "rate_limit", "retry_after": 30, "count": 9}, 502, "DISCORD_RATE_LIMITED"),
        ({"kind": "latency", "ms": 400, "count": 1}, 504, "DISCORD_TIMEOUT"),
    ],
)
def test_a_discord_that_fails_changes_nothing(
    fault: dict[str, Any],
    status: int,
    code: str,
    client: Client,
    sandbox: Discord,
    guild: Guild,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(discord, "TIMEOUT_SECONDS", 0.2)
    ChannelFactory.create(guild=guild, name="kept")
    sandbox.fault(path="/channels$", **fault)
    answer = client.post(URL)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ("Retry-After" in answer.headers) == (code == "DISCORD_RATE_LIMITED")
    assert Channel.objects.get().name == "kept"
    guild.refresh_from_db()
    assert guild.name == "Before"


def test_a_manager_who_is_none_any_more_is_told_so(client: Client, sandbox: Discord, guild: Guild) -> None:
    """The refresh may remove the right to refresh."""
    sandbox.sandbox.world.guilds[LOUNGE].owner_id = "268473310986240000"
    answer = client.post(URL)
    assert (answer.status_code, answer.json()["can_manage"]) == (202, False)
    assert client.get(f"/api/guilds/{LOUNGE}/channels").status_code == 403


def test_what_decides_where_the_bot_plays_is_read_too(client: Client, guild: Guild, sandbox: Discord) -> None:
    """Otherwise a refresh would remove what the gateway had sent."""
    world = sandbox.sandbox.world
    general = next(channel for channel in world.channels.values() if channel.type == ChannelType.VOICE)
    general.user_limit = 7
    world.guilds[LOUNGE].afk_channel_id = general.id
    assert client.post(URL).status_code == 202
    guild.refresh_from_db()
    assert (Channel.objects.get(pk=general.id).user_limit, guild.afk_channel_id) == (7, general.id)


def test_five_hundred_channels_are_read(client: Client, sandbox: Discord) -> None:
    world = sandbox.sandbox.world
    for number in range(493):
        made = SandboxChannel(str(1200000000000000000 + number), ChannelType.TEXT, f"c{number}", LOUNGE)
        world.channels[made.id] = made
    assert client.post(URL).status_code == 202
    assert Channel.objects.count() == 500


# --- Age ---


def ages(client: Client) -> dict[str, datetime | None]:
    guild = client.get(f"/api/guilds/{LOUNGE}").json()["stale_since"]
    found = {"guild": guild, "list": client.get("/api/guilds").json()[0]["stale_since"]}
    for name in ("channels", "roles"):
        found[name] = client.get(f"/api/guilds/{LOUNGE}/{name}").headers.get("Stale-Since")
    return {name: parse_datetime(sentence) if sentence else None for name, sentence in found.items()}


def shard(*, number: int | None = None, count: int = 4, **changes: Any) -> None:
    number = shard_of(LOUNGE, count) if number is None else number
    BotShard.objects.update_or_create(
        number=number, count=count, defaults={"process": "x", "connected": True, **changes}
    )


LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_shard_of_a_guild_is_the_one_that_discord_says() -> None:
    assert shard_of("41771983423143937", 1) == 0
    assert shard_of("41771983423143937", 16) == (41771983423143937 >> 22) % 16


def test_with_its_shard_connected_nothing_is_stale(client: Client) -> None:
    Guild.objects.update(mirrored_at=LONG_AGO)
    shard()
    assert set(ages(client).values()) == {None}


def test_with_another_shard_connected_it_is(client: Client) -> None:
    Guild.objects.update(mirrored_at=LONG_AGO)
    shard(number=(shard_of(LOUNGE, 4) + 1) % 4)
    assert set(ages(client).values()) == {LONG_AGO}


@pytest.mark.parametrize("gone", ["said goodbye", "was killed"])
def test_from_when_its_shard_was_last_heard_of(gone: str, client: Client) -> None:
    Guild.objects.update(mirrored_at=LONG_AGO)
    heard = timezone.now() - (timedelta(seconds=1) if gone == "said goodbye" else SILENCE)
    shard(connected=gone == "was killed", seen_at=heard)
    assert set(ages(client).values()) == {heard}


def test_read_again_while_the_bot_is_away_it_is_fresh_for_a_while(client: Client) -> None:
    shard(connected=False, seen_at=LONG_AGO)
    assert client.post(URL).status_code == 202
    assert set(ages(client).values()) == {None}
    read_at = timezone.now() - FRESH
    Guild.objects.update(mirrored_at=read_at)
    assert set(ages(client).values()) == {read_at}


def test_where_there_is_no_bot_there_is_no_age(client: Client) -> None:
    Guild.objects.update(bot_installed=False, mirrored_at=LONG_AGO)
    assert client.get(f"/api/guilds/{LOUNGE}").json()["stale_since"] is None


def test_the_bot_token_is_not_told(
    client: Client, sandbox: Discord, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    sandbox.fault(kind="http_status", status=401, count=1)
    answer = client.post(URL)
    assert answer.status_code == 502
    assert settings.DISCORD_BOT_TOKEN not in answer.content.decode() + caplog.text
