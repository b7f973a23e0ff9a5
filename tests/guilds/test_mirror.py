from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from guilds.channel_permissions import VIEW_CHANNEL
from guilds.domain.installation import bot_left
from guilds.domain.memberships import end_memberships, store_roles
from guilds.domain.mirror import Voice, mirror_guild, note_outage, store_voice
from guilds.models import Channel, Guild, Membership, Role, VoiceState
from guilds.permissions import ADMINISTRATOR, can_manage
from realtime.models import Event, Store
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]

GUILD = "320000000000000001"
TEXT, VOICE, LATER = "420000000000000001", "420000000000000002", "420000000000000003"
ROLE, OTHER_ROLE = "520000000000000001", "520000000000000002"
PERSON, OTHER = "220000000000000001", "220000000000000002"


def channel(channel_id: str, kind: int, **changes: Any) -> dict[str, Any]:
    seen = {"id": channel_id, "type": kind, "name": "one", "position": 0, "parent_id": None, "overwrites": []}
    seen["user_limit"] = 0
    return seen | changes


def role(role_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": role_id,
        "name": "DJ",
        "color": 255,
        "position": 1,
        "permissions": 0,
        "mentionable": True,
        "managed": False,
    } | changes


def mirror(**changes: Any) -> None:
    seen: dict[str, Any] = {
        "name": "Lounge",
        "icon_hash": "",
        "owner_id": PERSON,
        "member_count": 3,
        "bot_role_ids": [ROLE],
        "channels": [channel(TEXT, 0), channel(VOICE, 2)],
        "roles": [role(ROLE)],
        "voices": [Voice(PERSON, VOICE, "person")],
    }
    mirror_guild(GUILD, **(seen | changes))


def test_a_guild_is_mirrored_with_all_its_rows() -> None:
    mirror()
    guild = Guild.objects.get(pk=GUILD)
    assert (guild.bot_installed, guild.owner_id, guild.member_count) == (True, PERSON, 3)
    assert set(Channel.objects.values_list("id", "type")) == {(TEXT, 0), (VOICE, 2)}
    assert Role.objects.get().name == "DJ"
    assert VoiceState.objects.get().channel_id == VOICE
    assert Store.objects.get().name == f"guild:{GUILD}"


def test_vanished_rows_go_and_changed_ones_change() -> None:
    mirror(roles=[role(ROLE), role(OTHER_ROLE)])
    mirror(
        channels=[channel(VOICE, 2, name="renamed", position=7), channel(LATER, 5)],
        roles=[role(OTHER_ROLE, name="Crew")],
        voices=[Voice(OTHER, VOICE, "other")],
    )
    assert set(Channel.objects.values_list("id", "name", "position")) == {
        (VOICE, "renamed", 7),
        (LATER, "one", 0),
    }
    assert list(Role.objects.values_list("id", "name")) == [(OTHER_ROLE, "Crew")]
    assert list(VoiceState.objects.values_list("discord_id", flat=True)) == [OTHER]


def test_a_vanished_channel_takes_its_listeners_along() -> None:
    mirror()
    mirror(channels=[channel(TEXT, 0)])
    assert VoiceState.objects.count() == 0


def test_the_mirror_leaves_other_guilds_alone() -> None:
    other = ChannelFactory.create()
    mirror()
    assert Channel.objects.filter(pk=other.pk).exists()


def test_overwrites_and_the_bots_roles_are_kept() -> None:
    overwrites = [{"id": ROLE, "type": 0, "allow": "1024", "deny": "2048"}]
    mirror(channels=[channel(TEXT, 0, overwrites=overwrites)])
    assert Channel.objects.get().overwrites == overwrites
    assert Guild.objects.get().bot_role_ids == [ROLE]
    mirror(channels=[channel(TEXT, 0)], bot_role_ids=[])
    assert Channel.objects.get().overwrites == []
    assert Guild.objects.get().bot_role_ids == []


def log() -> list[tuple[str, dict[str, Any]]]:
    """Return the log's events about the guild itself: names and the guild's shapes."""
    events = (
        Event.objects.filter(store__name=f"guild:{GUILD}")
        .exclude(name="VoiceChannelsChanged")
        .order_by("seq")
    )
    return [(event.name, json.loads(event.args)["guild"]) for event in events]


def test_what_a_client_shows_changes_with_an_event() -> None:
    mirror()
    mirror()
    mirror(channels=[])
    mirror(name="Den", icon_hash="abc")
    note_outage(GUILD)
    note_outage(GUILD)
    mirror(name="Den", icon_hash="abc")
    assert bot_left(GUILD)
    assert not bot_left(GUILD)
    mirror(name="Den", icon_hash="abc")
    assert [(name, g["name"], g["bot_installed"], g["unavailable"]) for name, g in log()] == [
        ("BotInstalled", "Lounge", True, False),
        ("GuildUpdated", "Den", True, False),
        ("GuildUpdated", "Den", True, True),
        ("GuildUpdated", "Den", True, False),
        ("BotRemoved", "Den", False, False),
        ("BotInstalled", "Den", True, False),
    ]


def test_voice_channels_that_come_move_and_go_are_told() -> None:
    mirror(channels=[channel(TEXT, 0), channel(VOICE, 2, position=1)])
    mirror(channels=[channel(TEXT, 0, name="other"), channel(VOICE, 2, position=2)])
    mirror(channels=[channel(VOICE, 2, position=1), channel(LATER, 13, name="stage")])
    mirror(channels=[])
    reported = Event.objects.filter(name="VoiceChannelsChanged").order_by("seq")
    assert [[c["id"] for c in json.loads(event.args)["voice_channels"]] for event in reported] == [
        [VOICE],
        [LATER, VOICE],
        [],
    ]


def test_channels_that_some_may_not_see_are_told_of_without_their_names() -> None:
    def overwrite(target: str, *, allow: int = 0, deny: int = 0) -> dict[str, Any]:
        return {"id": target, "type": 0, "allow": str(allow), "deny": str(deny)}

    everyone = role(GUILD, permissions=VIEW_CHANNEL)
    secret = channel(LATER, 2, name="secret", position=1)
    hidden = overwrite(GUILD, deny=VIEW_CHANNEL)
    let_in = overwrite(ROLE, allow=VIEW_CHANNEL)
    for overwrites in (
        [hidden],
        [hidden, let_in],  # visible to one role
        [overwrite(ROLE, deny=VIEW_CHANNEL)],  # hidden only from those with a role
        [],
    ):
        mirror(
            channels=[channel(VOICE, 2), secret | {"overwrites": overwrites}], roles=[everyone, role(ROLE)]
        )
    # In a guild where @everyone sees nothing, an overwrite shows one channel.
    nobody, shown = role(GUILD, permissions=0), [overwrite(GUILD, allow=VIEW_CHANNEL)]
    mirror(channels=[channel(VOICE, 2, overwrites=shown), secret], roles=[nobody, role(ROLE)])
    reported = [
        json.loads(event.args)["voice_channels"]
        for event in Event.objects.filter(name="VoiceChannelsChanged").order_by("seq")
    ]
    assert [[each["id"] for each in channels] for channels in reported] == [
        [VOICE], [VOICE], [VOICE], [VOICE, LATER], [VOICE],
    ]  # fmt: skip
    renamed = secret | {"name": "more secret"}
    mirror(channels=[channel(VOICE, 2, overwrites=shown), renamed], roles=[nobody, role(ROLE)])
    assert Event.objects.filter(name="VoiceChannelsChanged").count() == 6
    assert not Event.objects.filter(args__contains="more secret").exists()


def test_an_outage_takes_nothing_away() -> None:
    mirror()
    note_outage(GUILD)
    guild = Guild.objects.get()
    assert (guild.unavailable, guild.bot_installed, guild.left_at) == (True, True, None)
    assert Channel.objects.count() == 2


def test_a_bot_that_left_leaves_everything_but_who_sits_in_voice() -> None:
    mirror()
    bot_left(GUILD)
    guild = Guild.objects.get()
    assert not guild.bot_installed
    assert guild.left_at is not None
    assert (Channel.objects.count(), Role.objects.count(), VoiceState.objects.count()) == (2, 1, 0)


def test_the_bot_that_comes_back_finds_everything_again() -> None:
    mirror()
    bot_left(GUILD)
    mirror()
    guild = Guild.objects.get(pk=GUILD)
    assert (guild.bot_installed, guild.left_at) == (True, None)


def everyone(permissions: int) -> dict[str, Any]:
    return role(GUILD, name="@everyone", position=0, permissions=permissions)


def member(**changes: Any) -> Membership:
    """Create PERSON as after a login."""
    guild = GuildFactory.create(guild_id=GUILD)
    user = UserFactory.create(discord_id=PERSON)
    made: Membership = MembershipFactory.create(guild=guild, user=user, **changes)
    return made


def test_a_role_that_changes_changes_what_its_members_may() -> None:
    membership = member()
    mirror(owner_id=OTHER, roles=[everyone(1), role(ROLE, permissions=ADMINISTRATOR)])
    store_roles(GUILD, discord_id=PERSON, role_ids=[ROLE])
    membership.refresh_from_db()
    assert can_manage(membership)
    mirror(owner_id=OTHER, roles=[everyone(1), role(ROLE, permissions=4)])
    membership.refresh_from_db()
    assert (membership.owner, membership.permissions) == (False, 5)
    mirror(owner_id=OTHER, roles=[everyone(2)])
    membership.refresh_from_db()
    assert membership.permissions == 2


def test_a_guild_that_changes_hands_has_one_owner() -> None:
    before, after = member(owner=True), UserFactory.create(discord_id=OTHER)
    other = MembershipFactory.create(guild=before.guild, user=after)
    mirror(owner_id=OTHER)
    before.refresh_from_db()
    other.refresh_from_db()
    assert (before.owner, other.owner) == (False, True)


def test_who_was_never_seen_by_the_gateway_keeps_what_their_own_list_said() -> None:
    membership = member(permissions=ADMINISTRATOR)
    mirror(owner_id=OTHER, roles=[everyone(1)])
    membership.refresh_from_db()
    assert can_manage(membership)


def test_people_who_never_used_the_program_are_not_kept() -> None:
    mirror()
    store_roles(GUILD, discord_id=PERSON, role_ids=[ROLE])
    assert Membership.objects.count() == 0


def test_somebody_who_leaves_is_no_member_and_sits_nowhere() -> None:
    member()
    mirror()
    end_memberships(GUILD, [PERSON])
    assert (Membership.objects.count(), VoiceState.objects.count()) == (0, 0)


def test_a_person_moves_and_leaves() -> None:
    mirror(channels=[channel(VOICE, 2), channel(LATER, 2)])
    store_voice(GUILD, discord_id=PERSON, channel_id=LATER, name="person")
    assert VoiceState.objects.get().channel_id == LATER
    store_voice(GUILD, discord_id=PERSON, channel_id=None, name="person")
    assert VoiceState.objects.count() == 0


def test_a_person_in_a_channel_that_is_not_known_sits_nowhere() -> None:
    mirror()
    store_voice(GUILD, discord_id=PERSON, channel_id=LATER, name="person")
    assert VoiceState.objects.count() == 0


def test_mirroring_a_large_guild_takes_as_many_queries_as_a_small_one(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    mirror()
    many = [channel(str(430000000000000000 + n), 2) for n in range(200)]
    roles = [role(str(530000000000000000 + n)) for n in range(100)]
    with django_assert_max_num_queries(30):
        mirror(channels=many, roles=roles)
    many[7] = many[7] | {"name": "renamed"}
    with django_assert_max_num_queries(19):
        mirror(channels=many, roles=roles)
    assert Channel.objects.get(pk=many[7]["id"]).name == "renamed"
