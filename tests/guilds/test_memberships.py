from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from guilds.domain.memberships import store_my_guilds
from guilds.models import Guild, GuildSettings, Membership
from realtime.models import Store
from tests.factories import GuildFactory, MembershipFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

FIRST, SECOND = "310000000000000001", "310000000000000002"


@pytest.fixture
def user() -> User:
    return UserFactory.create()


def partial(guild_id: str, **changes: Any) -> dict[str, Any]:
    """Return an entry of `GET /users/@me/guilds`."""
    return {
        "id": guild_id,
        "name": f"Guild {guild_id[-1]}",
        "icon": None,
        "owner": False,
        "permissions": "2147483647",
        "approximate_member_count": 12,
    } | changes


def test_new_guilds_come_with_settings_and_a_log(user: User) -> None:
    store_my_guilds(user, [partial(FIRST, owner=True, icon="abc"), partial(SECOND)])
    first = Guild.objects.get(pk=FIRST)
    assert (first.name, first.icon_hash, first.owner_id) == ("Guild 1", "abc", user.discord_id)
    assert (first.member_count, first.bot_installed) == (12, False)
    assert GuildSettings.objects.count() == 2
    assert set(Store.objects.values_list("name", flat=True)) == {f"guild:{FIRST}", f"guild:{SECOND}"}
    memberships = Membership.objects.filter(user=user).order_by("guild_id")
    assert [(m.guild_id, m.owner, m.permissions) for m in memberships] == [
        (FIRST, True, 2147483647),
        (SECOND, False, 2147483647),
    ]


def test_storing_twice_changes_nothing(user: User) -> None:
    for _ in range(2):
        store_my_guilds(user, [partial(FIRST), partial(SECOND)])
    assert (Guild.objects.count(), Membership.objects.count(), Store.objects.count()) == (2, 2, 2)


def test_a_guild_no_longer_listed_is_left_and_kept_for_others(user: User) -> None:
    store_my_guilds(user, [partial(FIRST), partial(SECOND)])
    other = MembershipFactory.create(guild_id=SECOND, guild=Guild.objects.get(pk=SECOND))
    store_my_guilds(user, [partial(FIRST)])
    assert [m.guild_id for m in Membership.objects.filter(user=user)] == [FIRST]
    assert Membership.objects.filter(pk=other.pk).exists()


def test_a_lost_permission_is_lost_here(user: User) -> None:
    store_my_guilds(user, [partial(FIRST, owner=True, permissions="8")])
    store_my_guilds(user, [partial(FIRST, permissions="0")])
    membership = Membership.objects.get(user=user)
    assert (membership.owner, membership.permissions) == (False, 0)


def test_a_login_does_not_overwrite_what_the_gateway_mirrors(user: User) -> None:
    GuildFactory.create(guild_id=FIRST, name="From the gateway", bot_installed=True)
    store_my_guilds(user, [partial(FIRST, name="From a login")])
    assert Guild.objects.get(pk=FIRST).name == "From the gateway"


def test_a_guild_without_the_bot_follows_the_login(user: User) -> None:
    store_my_guilds(user, [partial(FIRST)])
    store_my_guilds(user, [partial(FIRST, name="Renamed", icon="new")])
    assert Guild.objects.get(pk=FIRST).name == "Renamed"
