"""The responses of `/api/guilds`. test_who_may.py checks who may call it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from guilds.choices import ChannelType
from guilds.models import Guild, Membership
from guilds.permissions import ADMINISTRATOR
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, RoleFactory, UserFactory, sit

pytestmark = pytest.mark.django_db

Api = Callable[[User], Client]

MEMBERS = ["", "/snapshot", "/queue", "/player", "/voice-state"]
MANAGERS = ["/channels", "/channels?type=voice", "/roles", "/bot-install-url"]
NEEDS_BOT = ["/channels", "/roles", "/bot-permissions"]


@pytest.fixture
def guild() -> Guild:
    return GuildFactory.create()


def url(guild: Guild, route: str) -> str:
    return f"/api/guilds/{guild.pk}{route}"


@pytest.mark.parametrize("route", MEMBERS + MANAGERS)
def test_a_guild_of_others_is_404_like_one_that_does_not_exist(route: str, guild: Guild, api: Api) -> None:
    MembershipFactory.create(guild=guild, manager=True)
    client = api(MembershipFactory.create(manager=True).user)
    theirs = client.get(url(guild, route))
    nobodys = client.get(f"/api/guilds/999999999999999999{route}")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json() == nobodys.json()


def test_managing_the_guild_at_discord_is_not_administering_it(guild: Guild, api: Api) -> None:
    member = MembershipFactory.create(guild=guild, permissions=1 << 5)  # Manage Server
    response = api(member.user).get(url(guild, "/roles"))
    assert (response.status_code, response.json()["code"]) == (403, "FORBIDDEN")


def test_one_is_told_where_one_sits_oneself(guild: Guild, api: Api) -> None:
    member, other = MembershipFactory.create_batch(2, guild=guild)
    channel = ChannelFactory.create(guild=guild, voice=True)
    sit(member.user, channel)
    sit(other.user, ChannelFactory.create(voice=True))
    assert api(member.user).get(url(guild, "/voice-state")).json() == {"channel_id": channel.pk}
    assert api(other.user).get(url(guild, "/voice-state")).json() == {"channel_id": None}


@pytest.mark.parametrize("route", MEMBERS + MANAGERS)
@pytest.mark.parametrize("rights", [{"owner": True}, {"permissions": ADMINISTRATOR}], ids=["owner", "admin"])
def test_owners_and_administrators_see_everything(
    route: str, rights: dict[str, Any], guild: Guild, api: Api
) -> None:
    manager = MembershipFactory.create(guild=guild, **rights)
    assert api(manager.user).get(url(guild, route)).status_code == 200


@pytest.mark.parametrize("route", NEEDS_BOT)
def test_channels_and_roles_of_a_guild_without_the_bot_are_a_conflict(route: str, api: Api) -> None:
    manager = MembershipFactory.create(guild=GuildFactory.create(bot_installed=False), manager=True)
    response = api(manager.user).get(url(manager.guild, route))
    assert (response.status_code, response.json()["code"]) == (409, "BOT_NOT_INSTALLED")


def test_a_guild_is_shown_in_its_documented_shape(api: Api) -> None:
    membership = MembershipFactory.create(permissions=ADMINISTRATOR | 1)
    Guild.objects.update(icon_hash="a_cafe", member_count=5, mirrored_at=timezone.now())
    client = api(membership.user)
    expected = {
        "id": membership.guild_id,
        "name": membership.guild.name,
        "icon_url": f"https://cdn.discordapp.com/icons/{membership.guild_id}/a_cafe.gif?size=128",
        "owner": False,
        "permissions": "9",
        "can_manage": True,
        "bot_installed": True,
        "unavailable": False,
        "member_count": 5,
        "stale_since": None,
    }
    assert client.get(url(membership.guild, "")).json() == expected
    assert client.get("/api/guilds").json() == [expected]


def test_the_list_holds_managed_guilds_and_with_all_also_shared_ones(api: Api) -> None:
    user = UserFactory.create()
    managed = MembershipFactory.create(
        user=user, manager=True, guild=GuildFactory.create(name="A", bot_installed=False)
    )
    shared = MembershipFactory.create(user=user, guild=GuildFactory.create(name="B"))
    MembershipFactory.create(user=user, guild=GuildFactory.create(name="C", bot_installed=False))
    MembershipFactory.create(manager=True)
    client = api(user)
    assert [g["id"] for g in client.get("/api/guilds").json()] == [managed.guild_id]
    everything = client.get("/api/guilds?scope=all").json()
    assert [g["id"] for g in everything] == [shared.guild_id, managed.guild_id]  # with the bot first


def test_channels_are_text_and_announcement_or_voice_and_stage(guild: Guild, api: Api) -> None:
    manager = MembershipFactory.create(guild=guild, manager=True)
    made = {kind: ChannelFactory.create(guild=guild, type=kind, position=kind).pk for kind in ChannelType}
    client = api(manager.user)
    text = client.get(url(guild, "/channels")).json()
    assert [c["id"] for c in text] == [made[ChannelType.TEXT], made[ChannelType.ANNOUNCEMENT]]
    assert set(text[0]) == {"id", "type", "name", "position", "parent_id"}
    voice = client.get(url(guild, "/channels?type=voice")).json()
    assert [c["id"] for c in voice] == [made[ChannelType.VOICE], made[ChannelType.STAGE]]
    answer = client.get(url(guild, "/channels?type=2"))
    assert (answer.status_code, answer.json()["errors"]) == (400, {"type": ["Must be text or voice."]})


def test_roles_in_its_documented_shape(guild: Guild, api: Api) -> None:
    manager = MembershipFactory.create(guild=guild, manager=True)
    role = RoleFactory.create(guild=guild)
    RoleFactory.create()
    assert api(manager.user).get(url(guild, "/roles")).json() == [
        {"id": role.pk, "name": role.name, "color": 0, "position": 0, "mentionable": False}
    ]


def test_the_install_url_asks_for_the_documented_permissions(guild: Guild, api: Api) -> None:
    manager = MembershipFactory.create(guild=guild, manager=True)
    address = urlsplit(api(manager.user).get(url(guild, "/bot-install-url")).json()["url"])
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert query.pop("client_id").isdecimal()
    assert query == {
        "scope": "bot applications.commands",
        "permissions": "3329024",
        "guild_id": guild.pk,
        "disable_guild_select": "true",
    }


@pytest.mark.parametrize(
    ("features", "more"),
    [
        ("", 0), ("card", 1 << 16), ("stage", 1 << 22 | 1 << 32), ("request", 1 << 16 | 1 << 13), ("status", 1 << 48),
        ("card,stage,request,status,", 1 << 16 | 1 << 22 | 1 << 32 | 1 << 13 | 1 << 48),
    ],
)  # fmt: skip
def test_features_add_their_permissions_to_the_install_url(
    features: str, more: int, guild: Guild, api: Api
) -> None:
    manager = MembershipFactory.create(guild=guild, manager=True)
    answer = api(manager.user).get(url(guild, "/bot-install-url"), {"features": features})
    query = parse_qs(urlsplit(answer.json()["url"]).query)
    assert query["permissions"] == [str(3329024 | more)]


def test_an_unknown_feature_is_refused_by_name(guild: Guild, api: Api) -> None:
    manager = MembershipFactory.create(guild=guild, manager=True)
    answer = api(manager.user).get(url(guild, "/bot-install-url"), {"features": "card,cards"})
    assert (answer.status_code, answer.json()["code"]) == (400, "UNKNOWN_FEATURE")
    assert "“cards”" in answer.json()["errors"]["features"][0]


def test_the_list_costs_three_queries_however_long_it_is(
    api: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    user = UserFactory.create()
    client = api(user)
    for wanted in (1, 3):
        while Membership.objects.filter(user=user).count() < wanted:
            MembershipFactory.create(user=user, manager=True)
        with django_assert_num_queries(3):  # the caller's session, the memberships with guilds, the bot
            assert len(client.get("/api/guilds").json()) == wanted


@pytest.mark.parametrize("route", ["/channels", "/channels?type=voice", "/roles"])
def test_channels_and_roles_cost_four_queries_however_many(
    route: str, guild: Guild, api: Api, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = api(MembershipFactory.create(guild=guild, manager=True).user)
    for _ in range(2):
        ChannelFactory.create(guild=guild)
        ChannelFactory.create(guild=guild, voice=True)
        RoleFactory.create(guild=guild)
        with django_assert_num_queries(4):  # session, membership, the bot, rows
            client.get(url(guild, route))
