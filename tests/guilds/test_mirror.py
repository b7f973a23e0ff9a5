from __future__ import annotations

from typing import Any

import pytest

from guilds.domain.mirror import Voice, mirror_guild, store_voice
from guilds.models import Channel, Guild, Role, VoiceState
from realtime.models import Store
from tests.factories import ChannelFactory, GuildFactory

pytestmark = pytest.mark.django_db

GUILD = "320000000000000001"
TEXT, VOICE, LATER = "420000000000000001", "420000000000000002", "420000000000000003"
ROLE, OTHER_ROLE = "520000000000000001", "520000000000000002"
PERSON, OTHER = "220000000000000001", "220000000000000002"


def channel(channel_id: str, kind: int, **changes: Any) -> dict[str, Any]:
    return {"id": channel_id, "type": kind, "name": "one", "position": 0, "parent_id": None} | changes


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


def test_the_bot_that_comes_back_finds_everything_again() -> None:
    Guild.objects.filter(pk=GuildFactory.create(guild_id=GUILD, bot_installed=False).pk).update(
        left_at="2026-01-01T00:00Z"
    )
    mirror()
    guild = Guild.objects.get(pk=GUILD)
    assert (guild.bot_installed, guild.left_at) == (True, None)


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
    django_assert_max_num_queries: Any,
) -> None:
    mirror()
    many = [channel(str(430000000000000000 + n), 2) for n in range(200)]
    with django_assert_max_num_queries(25):
        mirror(channels=many, roles=[role(str(530000000000000000 + n)) for n in range(100)])
