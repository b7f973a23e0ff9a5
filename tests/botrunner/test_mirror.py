"""The database shows guilds, channels, roles and people in voice as the gateway reports them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from django.db import connection

from botrunner import status
from guilds.domain.memberships import store_roles
from guilds.domain.shards import WITHOUT_MEMBERS
from guilds.models import BotShard, Channel, Guild, Membership, Role, VoiceState
from guilds.permissions import ADMINISTRATOR, can_manage
from realtime.db import in_thread
from realtime.models import Event as LogEvent
from realtime.models import Store
from sandbox import snowflake
from sandbox.model import Channel as SandboxChannel
from sandbox.model import ChannelType, Event
from sandbox.seed import BOT_ROLE, DJ, DJ_ROLE, JUNIPER, LOUNGE, MEMBER, OWNER
from sandbox.shapes import channel as channel_shape
from tests.botrunner.locks import break_connections, nobody_writes
from tests.botrunner.stage import RunningBot, Stage
from tests.waiting import eventually


async def row(read: Callable[[], Any]) -> Any:
    return await in_thread(read)()


async def lounge() -> Guild | None:
    found: Guild | None = await row(lambda: Guild.objects.filter(pk=LOUNGE).first())
    return found


async def test_a_guild_is_mirrored_when_the_bot_comes(stage: Stage) -> None:
    await stage.start_bot()
    guild = await lounge()
    assert guild is not None
    assert (guild.name, guild.owner_id, guild.bot_installed) == ("Sandbox Lounge", OWNER, True)
    assert guild.member_count == 4
    channels = await row(lambda: {c.name: c.type for c in Channel.objects.filter(guild_id=LOUNGE)})
    assert channels["general"] == 0
    assert channels["news"] == 5
    assert channels["Stage left"] == 2
    role = await row(lambda: Role.objects.get(pk=DJ_ROLE))
    assert (role.name, role.color, role.mentionable) == ("DJ", 0xF2A33A, True)
    seat = await row(lambda: VoiceState.objects.get(guild_id=LOUNGE))
    assert (seat.discord_id, seat.channel_id) == (MEMBER, stage.channel("Stage left"))
    assert await row(lambda: Store.objects.filter(name=f"guild:{LOUNGE}").exists())


async def test_people_who_join_move_and_leave_voice_are_followed(stage: Stage) -> None:
    await stage.start_bot()

    async def seat(wanted: str | None) -> None:
        async def so() -> bool:
            found = await row(lambda: VoiceState.objects.filter(guild_id=LOUNGE, discord_id=OWNER).first())
            return (found.channel_id if found else None) == wanted

        await eventually(so, what=f"owner in {wanted}")

    await stage.sit("owner", "Stage left")
    await seat(stage.channel("Stage left"))
    await stage.sit("owner", "Back room")
    await seat(stage.channel("Back room"))
    await stage.sit("owner", None)
    await seat(None)


async def test_channels_come_change_and_go(stage: Stage) -> None:
    await stage.start_bot()
    world = stage.sandbox.world

    def tell(name: str, channel: SandboxChannel) -> None:
        world.emit(Event(name, channel_shape(world, channel), LOUNGE))

    async def name_is(wanted: str | None) -> None:
        async def so() -> bool:
            found = await row(lambda: Channel.objects.filter(pk=new.id).first())
            return (found.name if found else None) == wanted

        await eventually(so, what=f"channel named {wanted}")

    new = SandboxChannel(snowflake.new_snowflake(), ChannelType.VOICE, "Attic", LOUNGE, 2)
    world.channels[new.id] = new
    tell("CHANNEL_CREATE", new)
    await name_is("Attic")
    new.name = "Loft"
    tell("CHANNEL_UPDATE", new)
    await name_is("Loft")
    del world.channels[new.id]
    tell("CHANNEL_DELETE", new)
    await name_is(None)


async def test_a_guild_that_installs_the_bot_is_mirrored_and_gets_a_player(stage: Stage) -> None:
    await stage.start_bot()
    query = {
        "client_id": stage.sandbox.credentials.client_id,
        "scope": "bot applications.commands",
        "permissions": "3329024",
        "guild_id": JUNIPER,
        "disable_guild_select": "true",
    }
    page = await stage.http.post(
        "/oauth2/authorize",
        params=query,
        data={"user": "owner"},
        headers={"Origin": str(stage.http.base_url).rstrip("/")},
    )
    assert page.status_code == 200

    async def there() -> bool:
        found = await row(lambda: Guild.objects.filter(pk=JUNIPER, bot_installed=True).first())
        return found is not None and found.name == "Juniper Bar"

    await eventually(there)
    assert await row(lambda: Channel.objects.filter(guild_id=JUNIPER, type=2).exists())


async def test_a_guild_that_removes_the_bot_is_kept_without_it(playing: Stage) -> None:
    await playing.fault("guild_delete", guild_id=LOUNGE)

    async def gone() -> bool:
        guild = await lounge()
        return guild is not None and not guild.bot_installed and guild.left_at is not None

    await eventually(gone)
    assert len(await playing.items()) == 2
    await eventually(_unleased(playing), what="the lease is given up")
    assert playing.report() is None
    assert (await playing.player()).stopped
    names = await row(lambda: list(LogEvent.objects.order_by("seq").values_list("name", flat=True)))
    assert "BotInstalled" in names
    assert "BotRemoved" in names


def _unleased(stage: Stage) -> Callable[[], Any]:
    async def so() -> bool:
        return not (await stage.player()).leased

    return so


async def test_a_guild_that_comes_back_plays_again(playing: Stage) -> None:
    await playing.fault("guild_delete", guild_id=LOUNGE)
    await eventually(_unleased(playing))
    sandbox = playing.sandbox
    query = {
        "client_id": sandbox.credentials.client_id,
        "scope": "bot applications.commands",
        "permissions": "3329024",
        "guild_id": LOUNGE,
        "disable_guild_select": "true",
    }
    answer = await playing.http.post(
        "/oauth2/authorize", params=query, data={"user": "owner"}, headers={"Origin": sandbox.url}
    )
    assert answer.status_code == httpx.codes.OK
    await eventually(playing.leased)
    user = await playing.join_program(OWNER, "owner")
    await playing.do(user, "Resume")
    await playing.hear(440)


async def test_an_outage_is_not_a_removal(playing: Stage) -> None:
    await playing.fault("guild_unavailable", guild_id=LOUNGE, seconds=0.5)
    heard = playing.report()
    assert heard is not None
    await playing.hear(440, after=heard.frames_received + 50)
    guild = await lounge()
    assert guild is not None
    assert guild.bot_installed


async def test_what_happened_while_the_bot_was_away_is_caught_up(stage: Stage) -> None:
    bot = await stage.start_bot()
    await bot.stop()
    await stage.sit("member", "Back room")
    await stage.fault("guild_delete", guild_id=LOUNGE)
    stage.bots.append(RunningBot())

    async def gone() -> bool:
        guild = await lounge()
        return guild is not None and not guild.bot_installed

    await eventually(gone)


async def change(stage: Stage, change: str, **fields: Any) -> dict[str, Any]:
    """Change the Lounge's settings at Discord, as a manager would."""
    answer = await stage.http.post(f"/_sandbox/guilds/{LOUNGE}", json={"change": change, **fields})
    assert answer.status_code == httpx.codes.OK, answer.text
    return dict(answer.json())


async def becomes(read: Callable[[], Any], wanted: Any) -> None:
    """Wait until the database has the expected value."""
    last: list[Any] = []

    async def so() -> bool:
        last[:] = [await row(read)]
        return bool(last[0] == wanted)

    try:
        await eventually(so)
    except AssertionError as error:
        raise AssertionError(f"{last[0]!r} never became {wanted!r}") from error


def rights(discord_id: str) -> Callable[[], Any]:
    """Return whether a person owns and manages the Lounge; None if they are not in it."""

    def read() -> tuple[bool, bool] | None:
        membership = Membership.objects.filter(guild_id=LOUNGE, user__discord_id=discord_id).first()
        return (membership.owner, can_manage(membership)) if membership else None

    return read


async def test_roles_members_owner_and_overwrites_are_followed(stage: Stage) -> None:
    await stage.start_bot()
    for discord_id, name in ((OWNER, "owner"), (DJ, "dj"), (MEMBER, "member")):
        await stage.join_program(discord_id, name)
    # nextcord has none of them in its cache. The first change of each is noticed all the same.
    crew = (await change(stage, "add_role", name="Crew", permissions=str(ADMINISTRATOR)))["id"]
    await change(stage, "edit_member", user_id=DJ, roles=[crew])
    await becomes(rights(DJ), (False, True))
    await change(stage, "edit_role", role_id=crew, permissions="0")
    await becomes(rights(DJ), (False, False))
    await change(stage, "edit_role", role_id=crew, permissions=str(ADMINISTRATOR))
    await becomes(rights(DJ), (False, True))
    await change(stage, "delete_role", role_id=crew)
    await becomes(rights(DJ), (False, False))
    await change(stage, "transfer", user_id=MEMBER)
    await becomes(rights(MEMBER), (True, True))
    await becomes(rights(OWNER), (False, False))
    await change(stage, "remove_member", user_id=DJ)
    await becomes(rights(DJ), None)
    await becomes(lambda: Guild.objects.get(pk=LOUNGE).member_count, 3)
    await change(stage, "add_member", user_id=DJ)
    await becomes(rights(DJ), (False, False))

    closed = {"id": LOUNGE, "type": 0, "allow": "0", "deny": "1024"}
    back_room = stage.channel("Back room")
    await change(stage, "edit_channel", channel_id=back_room, overwrites=[closed])
    await becomes(lambda: Channel.objects.get(pk=back_room).overwrites, [closed])
    await change(stage, "edit_channel", channel_id=back_room, user_limit=7)
    await becomes(lambda: Channel.objects.get(pk=back_room).user_limit, 7)
    await change(stage, "set_afk_channel", channel_id=back_room)
    await becomes(lambda: Guild.objects.get(pk=LOUNGE).afk_channel_id, back_room)
    bot_id = stage.sandbox.world.bot_id
    await change(stage, "edit_member", user_id=bot_id, roles=[BOT_ROLE, DJ_ROLE])
    await becomes(lambda: set(Guild.objects.get(pk=LOUNGE).bot_role_ids), {BOT_ROLE, DJ_ROLE})
    await change(stage, "rename", name="The Lounge")
    await becomes(lambda: Guild.objects.get(pk=LOUNGE).name, "The Lounge")


async def test_what_became_of_people_while_the_bot_was_away_is_caught_up(stage: Stage) -> None:
    bot = await stage.start_bot()
    for discord_id, name in ((DJ, "dj"), (MEMBER, "member")):
        await stage.join_program(discord_id, name)
        await row(partial(store_roles, LOUNGE, discord_id=discord_id, role_ids=[DJ_ROLE]))
    await bot.stop()
    crew = (await change(stage, "add_role", name="Crew", permissions=str(ADMINISTRATOR)))["id"]
    await change(stage, "edit_member", user_id=DJ, roles=[crew])
    await change(stage, "remove_member", user_id=MEMBER)
    stage.bots.append(RunningBot())
    await becomes(rights(DJ), (False, True))
    await becomes(rights(MEMBER), None)


def shard() -> BotShard:
    return BotShard.objects.first() or BotShard()


async def test_lost_connections_lose_no_change(stage: Stage) -> None:
    bot = await stage.start_bot()
    await becomes(lambda: shard().connected, True)
    ready_at = (await row(shard)).ready_at
    # Disconnect and resume: Discord sends the missed events.
    await stage.fault("gateway_drop", code=4000)
    await change(stage, "rename", name="After a drop")
    await becomes(lambda: Guild.objects.get(pk=LOUNGE).name, "After a drop")
    await becomes(lambda: (shard().connected, shard().ready_at), (True, ready_at))
    # If the resume fails, missed changes and vanished guilds are found only by reading everything again.
    await row(lambda: Guild.objects.create(pk="1", name="Gone", bot_installed=True))
    await row(lambda: Store.objects.create(name="guild:1"))
    await stage.fault("invalid_session")
    await change(stage, "rename", name="After a new session")
    await becomes(lambda: Guild.objects.get(pk=LOUNGE).name, "After a new session")
    await becomes(lambda: Guild.objects.get(pk="1").bot_installed, False)
    await becomes(lambda: shard().ready_at > ready_at, True)
    # An outage, including one that exists at the start.
    await stage.fault("guild_unavailable", guild_id=LOUNGE)
    await becomes(lambda: Guild.objects.get(pk=LOUNGE).unavailable, True)
    await row(lambda: Guild.objects.update(unavailable=False))
    await bot.stop()
    assert not (await row(shard)).connected
    stage.bots.append(RunningBot())
    await becomes(lambda: Guild.objects.get(pk=LOUNGE).unavailable, True)
    assert await row(lambda: Guild.objects.get(pk=LOUNGE).bot_installed)
    await stage.fault("guild_unavailable", guild_id=LOUNGE, available=True)
    await becomes(lambda: Guild.objects.get(pk=LOUNGE).unavailable, False)


async def test_the_bot_goes_on_without_an_intent_that_discord_refuses(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await stage.fault("members_intent", granted=False)
    await stage.start_bot()
    await becomes(lambda: (shard().connected, shard().members_intent), (True, False))
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
        WITHOUT_MEMBERS
    ]
    assert status.report()["problems"] == [WITHOUT_MEMBERS]
    assert await row(Channel.objects.filter(guild_id=LOUNGE).count) == 7


@pytest.mark.both_databases
async def test_what_the_gateway_told_while_the_database_broke_is_not_lost(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("it waits for a lock by itself, and does not break")
    await stage.start_bot()
    with nobody_writes() as release:
        await stage.sit("owner", "Back room")
        await eventually(lambda: in_thread(break_connections)("guilds_voicestate"))
        release()

    async def seated() -> bool:
        found = await row(lambda: VoiceState.objects.filter(guild_id=LOUNGE, discord_id=OWNER).first())
        return bool(found and found.channel_id == stage.channel("Back room"))

    await eventually(seated)
    assert "could not handle on_voice_state_update" not in caplog.text
