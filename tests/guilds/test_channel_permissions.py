"""Permission bits as Discord documents them, and the permissions reported as missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from guilds.bot_features import INSTALL_PERMISSIONS
from guilds.channel_permissions import (
    ATTACH_FILES,
    CONNECT,
    MOVE_MEMBERS,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    SPEAK,
    VIEW_CHANNEL,
    channel_permissions,
    may_bot_enter,
    may_connect,
)
from guilds.choices import ChannelType
from guilds.models import Channel, Guild, GuildSettings, Role, VoiceState
from guilds.permissions import ADMINISTRATOR, ALL_PERMISSIONS, base_permissions
from sandbox import permissions as reference
from sandbox.model import Channel as SandboxChannel
from sandbox.model import Guild as SandboxGuild
from sandbox.model import Member, Overwrite
from sandbox.model import Role as SandboxRole
from sandbox.world import World
from tests.factories import ChannelFactory, GuildFactory, MembershipFactory, RoleFactory

GUILD, PERSON, OWNER = "300000000000000001", "200000000000000001", "200000000000000002"
ROLES = ["500000000000000001", "500000000000000002", "500000000000000003"]

bits = st.integers(0, (1 << 53) - 1)
overwrites = st.lists(
    st.tuples(st.sampled_from([GUILD, PERSON, OWNER, *ROLES]), bits, bits), unique_by=lambda each: each[0]
)


@given(
    roles=st.fixed_dictionaries(dict.fromkeys([GUILD, *ROLES], bits)),
    held=st.sets(st.sampled_from(ROLES)),
    overwritten=overwrites,
    owner=st.booleans(),
)
def test_bits_combine_as_in_the_sandbox(
    roles: dict[str, int], held: set[str], overwritten: list[tuple[str, int, int]], owner: bool
) -> None:
    """Two independent implementations of the same page in Discord's documentation."""
    world = World(Path("unused"), bot_id="1")
    world.guilds[GUILD] = SandboxGuild(GUILD, "g", PERSON if owner else OWNER)
    world.roles = {
        each: SandboxRole(each, GUILD, each, permissions, 0) for each, permissions in roles.items()
    }
    member = Member(GUILD, PERSON, "", sorted(held))
    channel = SandboxChannel(
        "1", 2, guild_id=GUILD, overwrites=[Overwrite(i, i == PERSON, a, d) for i, a, d in overwritten]
    )
    base = base_permissions(owner=owner, role_bits=[roles[GUILD], *(roles[role] for role in held)])
    assert base == reference.in_guild(world, member)
    expected = reference.in_channel(world, member, channel)
    assert channel_permissions(
        base,
        guild_id=GUILD,
        discord_id=PERSON,
        role_ids=[GUILD, *held],
        overwrites=[{"id": i, "type": 0, "allow": str(a), "deny": str(d)} for i, a, d in overwritten],
    ) == (expected if expected & VIEW_CHANNEL else 0)


def test_an_administrator_is_touched_by_no_overwrite() -> None:
    deny = [{"id": GUILD, "type": 0, "allow": "0", "deny": str(ALL_PERMISSIONS)}]
    assert (
        channel_permissions(
            ADMINISTRATOR, guild_id=GUILD, discord_id=PERSON, role_ids=[GUILD], overwrites=deny
        )
        == ALL_PERMISSIONS
    )


@pytest.mark.django_db
class TestMayConnect:
    @pytest.fixture
    def guild(self) -> Guild:
        return GuildFactory.create()

    def ask(self, guild: Guild, *, deny: int, **membership: Any) -> bool:
        channel = ChannelFactory.create(
            guild=guild, voice=True, overwrites=[{"id": guild.pk, "type": 0, "allow": "0", "deny": str(deny)}]
        )
        return may_connect(MembershipFactory.create(guild=guild, **membership), channel)

    @pytest.mark.parametrize("deny", [CONNECT, VIEW_CHANNEL])
    def test_not_into_a_channel_that_is_closed_or_hidden(self, deny: int, guild: Guild) -> None:
        assert not self.ask(guild, deny=deny, permissions=VIEW_CHANNEL | CONNECT, role_ids=[guild.pk])

    def test_into_one_where_only_speaking_is_forbidden(self, guild: Guild) -> None:
        assert self.ask(guild, deny=SPEAK, permissions=VIEW_CHANNEL | CONNECT, role_ids=[guild.pk])

    def test_everywhere_as_owner_or_administrator(self, guild: Guild) -> None:
        assert self.ask(guild, deny=CONNECT, owner=True)
        assert self.ask(guild, deny=CONNECT, permissions=ADMINISTRATOR, role_ids=[guild.pk])

    def test_where_the_roles_are_not_known_nothing_is_refused(self, guild: Guild) -> None:
        assert self.ask(guild, deny=CONNECT, permissions=VIEW_CHANNEL)


@pytest.mark.django_db
class TestMayBotEnter:
    @pytest.fixture
    def guild(self) -> Guild:
        """A guild where the bot has the permissions that its invite requests."""
        guild = GuildFactory.create()
        RoleFactory.create(id=guild.pk, guild=guild, permissions=VIEW_CHANNEL)
        guild.bot_role_ids = [RoleFactory.create(guild=guild, permissions=INSTALL_PERMISSIONS).pk]
        guild.save()
        return guild

    @staticmethod
    def overwrite(guild: Guild, **bits: int) -> dict[str, Any]:
        role_id = guild.bot_role_ids[0]
        return {"id": role_id, "type": 0, **{n: str(bits.get(n, 0)) for n in ("allow", "deny")}}

    def channel(self, guild: Guild, *, people: int = 0, **fields: Any) -> Channel:
        channel: Channel = ChannelFactory.create(guild=guild, voice=True, name="Attic", **fields)
        for number in range(people):
            VoiceState.objects.create(guild=guild, channel=channel, discord_id=str(number), bot=number == 0)
        return channel

    @pytest.mark.parametrize(
        ("deny", "named"), [(VIEW_CHANNEL, "View Channel"), (CONNECT, "Connect"), (SPEAK, None)]
    )
    def test_it_needs_to_see_and_to_connect(self, guild: Guild, deny: int, named: str | None) -> None:
        obstacle = may_bot_enter(guild, self.channel(guild, overwrites=[self.overwrite(guild, deny=deny)]))
        if named is None:
            assert obstacle is None
        else:
            assert obstacle is not None
            assert obstacle.code == "CANNOT_CONNECT"
            assert named in obstacle.detail
            assert "“Attic”" in obstacle.detail

    @pytest.mark.parametrize(
        ("limit", "people", "code"),
        [(0, 9, None), (3, 2, None), (2, 2, "CHANNEL_FULL"), (1, 4, "CHANNEL_FULL")],
    )
    def test_other_bots_take_a_place_as_people_do(
        self, guild: Guild, limit: int, people: int, code: str | None
    ) -> None:
        obstacle = may_bot_enter(guild, self.channel(guild, user_limit=limit, people=people))
        assert (obstacle.code if obstacle else None) == code

    def test_who_may_move_members_enters_a_full_channel(self, guild: Guild) -> None:
        rows = [self.overwrite(guild, allow=MOVE_MEMBERS)]
        assert may_bot_enter(guild, self.channel(guild, user_limit=1, people=1, overwrites=rows)) is None

    def test_nobody_is_heard_in_the_afk_channel(self, guild: Guild) -> None:
        channel = self.channel(guild)
        guild.afk_channel_id = channel.pk
        obstacle = may_bot_enter(guild, channel)
        assert obstacle is not None
        assert "AFK" in obstacle.detail

    def test_where_the_roles_are_not_known_it_may_try(self, guild: Guild) -> None:
        Role.objects.all().delete()
        assert may_bot_enter(guild, self.channel(guild, user_limit=1, people=1)) is None


@pytest.mark.django_db
class TestLacks:
    @pytest.fixture
    def guild(self) -> Guild:
        guild = GuildFactory.create()
        RoleFactory.create(id=guild.pk, guild=guild, permissions=READ_MESSAGE_HISTORY)
        bot = RoleFactory.create(guild=guild, permissions=INSTALL_PERMISSIONS)
        Guild.objects.update(bot_role_ids=[bot.pk])
        guild.refresh_from_db()
        return guild

    @pytest.fixture
    def lacks(
        self, guild: Guild, api: Callable[[User], Client]
    ) -> Callable[[], list[tuple[str, str | None]]]:
        client = api(MembershipFactory.create(guild=guild, manager=True).user)

        def ask() -> list[tuple[str, str | None]]:
            answer = client.get(f"/api/guilds/{guild.pk}/bot-permissions")
            assert answer.status_code == 200
            for each in answer.json():
                assert each["needed_for"]
                assert each["bit"].isdecimal()
            return [(each["permission"], each["channel_id"]) for each in answer.json()]

        return ask

    def close(self, guild: Guild, kind: ChannelType, deny: int) -> str:
        rows = [{"id": guild.bot_role_ids[0], "type": 0, "allow": "0", "deny": str(deny)}]
        return str(ChannelFactory.create(guild=guild, type=kind, overwrites=rows).pk)

    def test_nothing(self, guild: Guild, lacks: Callable[[], Any]) -> None:
        for kind in ChannelType:
            ChannelFactory.create(guild=guild, type=kind)
        assert lacks() == []

    def test_in_the_guild_is_said_once(self, guild: Guild, lacks: Callable[[], Any]) -> None:
        guild.roles.filter(pk=guild.bot_role_ids[0]).update(
            permissions=INSTALL_PERMISSIONS & ~SPEAK & ~ATTACH_FILES
        )
        for kind in ChannelType:
            ChannelFactory.create(guild=guild, type=kind)
        assert lacks() == [("ATTACH_FILES", None), ("SPEAK", None)]

    def test_in_a_channel(self, guild: Guild, lacks: Callable[[], Any]) -> None:
        text = self.close(guild, ChannelType.TEXT, SEND_MESSAGES)
        voice = self.close(guild, ChannelType.VOICE, CONNECT | SPEAK)
        self.close(guild, ChannelType.CATEGORY, CONNECT)
        assert lacks() == [("SEND_MESSAGES", text), ("CONNECT", voice), ("SPEAK", voice)]

    def test_of_a_hidden_channel_only_that(self, guild: Guild, lacks: Callable[[], Any]) -> None:
        hidden = self.close(guild, ChannelType.VOICE, VIEW_CHANNEL)
        assert lacks() == [("VIEW_CHANNEL", hidden)]

    def test_of_the_features_in_use(
        self, guild: Guild, lacks: Callable[[], Any], api: Callable[[User], Client]
    ) -> None:
        guild.roles.filter(pk=guild.pk).update(permissions=0)
        stage = ChannelFactory.create(guild=guild, type=ChannelType.STAGE)
        assert lacks() == [("READ_MESSAGE_HISTORY", None)]
        chosen = GuildSettings.objects.filter(pk=guild.pk)
        chosen.update(show_card=False)
        assert lacks() == []
        chosen.update(voice_channel_id=stage.pk)
        assert lacks() == [("MUTE_MEMBERS", None), ("REQUEST_TO_SPEAK", None)]
        manager = MembershipFactory.create(guild=guild, manager=True).user
        answer = api(manager).get(
            f"/api/guilds/{guild.pk}/bot-permissions", headers={"accept-language": "de"}
        )
        assert answer.json()[0] | {"needed_for": ""} == {
            "permission": "MUTE_MEMBERS", "bit": str(1 << 22), "title": "Mitglieder stummschalten", "needed_for": "",
            "features": ["stage"], "channel_id": None,
        }  # fmt: skip

    def test_an_administrator_lacks_nothing(self, guild: Guild, lacks: Callable[[], Any]) -> None:
        guild.roles.filter(pk=guild.bot_role_ids[0]).update(permissions=ADMINISTRATOR)
        self.close(guild, ChannelType.VOICE, VIEW_CHANNEL)
        assert lacks() == []

    def test_before_anything_was_mirrored_nothing_is_claimed(self, api: Callable[[User], Client]) -> None:
        manager = MembershipFactory.create(manager=True)
        assert api(manager.user).get(f"/api/guilds/{manager.guild_id}/bot-permissions").json() == []

    @pytest.mark.parametrize("channels", [1, 3])
    def test_costs_four_queries(
        self,
        channels: int,
        guild: Guild,
        api: Callable[[User], Client],
        django_assert_num_queries: DjangoAssertNumQueries,
    ) -> None:
        for _ in range(channels):
            self.close(guild, ChannelType.VOICE, SPEAK)
        client = api(MembershipFactory.create(guild=guild, manager=True).user)
        with django_assert_num_queries(4):  # session, membership, roles, channels
            client.get(f"/api/guilds/{guild.pk}/bot-permissions")
