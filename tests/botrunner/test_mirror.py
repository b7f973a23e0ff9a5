"""The database shows guilds, channels, roles and people in voice as the gateway tells of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from guilds.models import Channel, Guild, Role, VoiceState
from realtime.db import in_thread
from realtime.models import Store
from sandbox import snowflake
from sandbox.model import Channel as SandboxChannel
from sandbox.model import ChannelType, Event
from sandbox.seed import DJ_ROLE, JUNIPER, LOUNGE, MEMBER, OWNER
from sandbox.shapes import channel as channel_shape
from tests.botrunner.stage import RunningBot, Stage, until


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

        await until(so, what=f"owner in {wanted}")

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

        await until(so, what=f"channel named {wanted}")

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

    await until(there)
    assert await row(lambda: Channel.objects.filter(guild_id=JUNIPER, type=2).exists())


async def test_a_guild_that_removes_the_bot_is_kept_without_it(playing: Stage) -> None:
    await playing.fault("guild_delete", guild_id=LOUNGE)

    async def gone() -> bool:
        guild = await lounge()
        return guild is not None and not guild.bot_installed and guild.left_at is not None

    await until(gone)
    assert len(await playing.items()) == 2
    await until(_unleased(playing), what="the lease is given up")
    assert playing.report() is None


def _unleased(stage: Stage) -> Callable[[], Any]:
    async def so() -> bool:
        return not (await stage.player()).leased

    return so


async def test_a_guild_that_comes_back_plays_again(playing: Stage) -> None:
    await playing.fault("guild_delete", guild_id=LOUNGE)
    await until(_unleased(playing))
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
    await until(playing.leased)
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

    await until(gone)
