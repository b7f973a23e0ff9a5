"""Two processes write the same rows at the same time: both succeed, and there is one row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.domain.people import know_person, store_grant, upsert_person
from accounts.domain.sessions import nobody
from accounts.models import DiscordGrant, User
from guilds.domain.memberships import store_member_seen, store_my_guilds, store_roles
from guilds.domain.mirror import Voice, mirror_guild, store_voice
from guilds.domain.settings import change_settings
from guilds.domain.shards import claim_identify, note_shard
from guilds.models import BotShard, Channel, Guild, GuildSettings, Membership, Role, VoiceState
from library.domain.find import find_track, stand_in
from library.models import Track
from queue_app.domain.guild_state import open_guild
from queue_app.domain.playback import take_lease
from queue_app.models import Player
from realtime.domain.append import ensure_store
from realtime.domain.stores import claim_store, set_member
from realtime.models import Store, StoreMember, StoreRole
from realtime.origin import BOT
from streams.domain.streams import claim_stream, share_with_user
from streams.models import Stream, StreamGrant
from tests.factories import GuildFactory, UserFactory
from tests.guilds.test_mirror import channel, role

pytestmark = pytest.mark.both_databases

ROUNDS, WRITERS = 8, 4
PERSON = "220000000000000001"

Together = Callable[..., list[Any]]


def guild_id(number: int) -> str:
    return str(320000000000000000 + number)


def mirror(number: int, *, people: int = 3, channels: int = 2) -> None:
    """Mirror a guild as the gateway sends it, with people in voice."""
    mirror_guild(
        guild_id(number),
        name=f"Guild {number}",
        icon_hash="",
        owner_id=PERSON,
        member_count=3,
        bot_role_ids=[],
        channels=[channel(f"42{number:016}{index}", 2) for index in range(channels)],
        roles=[role(f"52{number:016}{index}") for index in range(2)],
        voices=[
            Voice(f"22000000000000001{index}", f"42{number:016}0", f"p{index}") for index in range(people)
        ],
    )


def test_a_guild_that_several_bots_hear_of(in_threads: Together) -> None:
    for number in range(ROUNDS):
        in_threads(WRITERS, lambda n, number=number: mirror(number, people=1 + n))
    assert Guild.objects.filter(bot_installed=True).count() == ROUNDS
    assert GuildSettings.objects.count() == Store.objects.count() == ROUNDS
    assert (Channel.objects.count(), Role.objects.count()) == (2 * ROUNDS, 2 * ROUNDS)


def test_people_in_voice_while_the_guild_is_told_of(in_threads: Together) -> None:
    mirror(0, people=0)

    def act(n: int) -> None:
        for turn in range(ROUNDS):
            if n % 2:
                mirror(0, people=turn % 4, channels=1 + turn % 2)
            else:
                for index in range(3):
                    person, sits = f"22000000000000001{index}", f"42{0:016}{turn % 2}"
                    store_voice(guild_id(0), discord_id=person, channel_id=sits, name="someone")

    in_threads(WRITERS, act)
    mirror(0)
    assert VoiceState.objects.count() == 3


def test_a_person_whom_several_processes_hear_of(in_threads: Together) -> None:
    """At login, by a slash command in a guild that was just joined, and by the gateway."""
    for number in range(ROUNDS):
        person = str(230000000000000000 + number)
        partial = {"id": guild_id(number), "name": "Lounge", "permissions": "8", "owner": False}

        def act(n: int, number: int = number, person: str = person, partial: Any = partial) -> None:
            user = upsert_person({"id": person, "username": f"name {n}"})
            store_grant(user, access_token="a", refresh_token="b", expires_at=None)
            if n == 0:
                mirror(number)
            store_my_guilds(user, [partial])
            store_roles(guild_id(number), discord_id=person, role_ids=[])
            store_member_seen(user, guild_id=guild_id(number), owner=False, permissions=8, role_ids=[])

        in_threads(WRITERS, act)
    assert User.objects.count() == DiscordGrant.objects.count() == ROUNDS
    assert Membership.objects.count() == Guild.objects.count() == ROUNDS


def test_two_logins_and_two_bots_wait_for_each_other_and_not_for_ever(in_threads: Together) -> None:
    """Each locks several guilds, in a different order."""
    people = [UserFactory.create() for _ in range(2)]
    mine = [{"id": guild_id(n), "name": f"Guild {n}", "permissions": "8", "owner": False} for n in range(4)]

    def act(n: int) -> None:
        for turn in range(ROUNDS):
            if n < 2:
                changed = [guild | {"permissions": str(8 + turn), "name": f"{turn}"} for guild in mine]
                store_my_guilds(people[n], changed[:: 1 if turn % 2 else -1])
            else:
                for number in range(4):
                    mirror(number if turn % 2 else 3 - number, channels=1 + turn % 2)

    in_threads(WRITERS, act)
    assert Membership.objects.count() == 2 * 4


def test_what_is_made_when_it_is_asked_for_first(in_threads: Together) -> None:
    owner, reader = UserFactory.create(), UserFactory.create()
    for number in range(ROUNDS):
        guild = GuildFactory.create(guild_id=guild_id(number))
        GuildSettings.objects.filter(pk=guild.pk).delete()

        def act(n: int, number: int = number) -> None:
            from django.db import transaction

            know_person(str(240000000000000000 + number))
            nobody()
            ensure_store(f"guild:{number}")
            take_lease(guild_id(number), owner=f"bot {n}")
            with transaction.atomic():
                open_guild(guild_id(number), origin=BOT)
            change_settings(guild_id(number), origin=BOT, default_volume=n)
            note_shard(
                number, 16, process=f"bot {n}", connected=True, ready_at=None, latency_ms=1, guilds=1,
                members_intent=True,
                content_intent=False,
            )  # fmt: skip
            claim_identify(number)
            find_track(f"https://radio.example/{number}")
            stand_in(f"no such thing {number}")
            claim_store(owner, f"notes-{number}")
            set_member(Store.objects.get(name=f"app:notes-{number}"), reader, StoreRole.READER)
            claim_stream(owner, f"cam-{number}")
            share_with_user(Stream.objects.get(pk=f"cam-{number}"), reader, write=bool(n % 2))

        in_threads(WRITERS, act)
    assert Player.objects.count() == GuildSettings.objects.count() == BotShard.objects.count() == ROUNDS
    assert Track.objects.count() == 2 * ROUNDS
    assert StoreMember.objects.count() == StreamGrant.objects.count() == ROUNDS
    assert User.objects.count() == 2 + 1 + ROUNDS


@pytest.fixture(autouse=True)
def nobody_waits_for_ever(transactional_db: None) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '20s'")
