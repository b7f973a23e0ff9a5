"""What an unmodified nextcord bot sees of its guilds, and how its connection ends and resumes."""

import httpx
import nextcord
import pytest

from sandbox import actions
from sandbox.model import VoiceState
from sandbox.seed import DJ, JUNIPER, LOUNGE, MEMBER, OUTSIDER, OWNER
from sandbox.server import Sandbox
from tests.sandbox.bots import READY_SECONDS, Human, make_bot, registered
from tests.sandbox.conftest import Connect, channel_id
from tests.waiting import eventually


async def test_the_bot_sees_its_guild_whole(sandbox: Sandbox, connect: Connect) -> None:
    async with connect(make_bot()) as client:
        assert [guild.name for guild in client.guilds] == ["Sandbox Lounge"]
        guild = client.guilds[0]
        assert {member.name for member in guild.members} == {"owner", "dj", "member", "backline"}
        assert guild.owner_id == int(OWNER)
        stage = next(channel for channel in guild.voice_channels if channel.name == "Stage left")
        assert [person.id for person in stage.members] == [int(MEMBER)]
        assert guild.me.guild_permissions.connect
        assert isinstance(await client.fetch_guild(int(LOUNGE)), nextcord.Guild)


async def test_a_dropped_connection_resumes_and_misses_nothing(
    sandbox: Sandbox, connect: Connect, http: httpx.AsyncClient, bot_http: httpx.AsyncClient
) -> None:
    async with connect(make_bot()) as client:
        await registered(sandbox)
        seen: list[str] = []
        resumed: list[bool] = []

        async def on_message(message: nextcord.Message) -> None:
            seen.append(message.content)

        async def on_resumed() -> None:
            resumed.append(True)

        client.event(on_message)
        client.event(on_resumed)
        path = f"/channels/{channel_id(sandbox, 'general')}/messages"
        for order in (
            {"kind": "gateway_drop"},
            {"kind": "gateway_drop", "code": 4000},
            {"kind": "reconnect"},
        ):
            seen.clear()
            resumed.clear()
            session = next(iter(sandbox.gateway.sessions.values()))
            old = session.connection
            assert (await http.post("/_sandbox/faults", json=order)).json()["connections"] == 1
            await eventually(lambda: session.connection is not old)  # noqa: B023  # awaited within the same iteration
            for number in range(3):
                await bot_http.post(path, json={"content": str(number)})
            await eventually(lambda: resumed, within=20)
            await eventually(lambda: seen == ["0", "1", "2"])
            assert list(sandbox.gateway.sessions) == [session.id]


async def test_an_invalid_session_makes_the_bot_identify_anew(
    sandbox: Sandbox, connect: Connect, http: httpx.AsyncClient
) -> None:
    async with connect(make_bot()):
        await registered(sandbox)
        session = next(iter(sandbox.gateway.sessions))
        await http.post("/_sandbox/faults", json={"kind": "invalid_session"})
        await eventually(
            lambda: sandbox.gateway.sessions and session not in sandbox.gateway.sessions, within=20
        )
        status, reply = await Human(sandbox, http, "member").use("play", options={"query": "still"})
        assert (status, reply["content"]) == (200, "member plays still 1x at end")


async def test_guilds_come_go_and_fall_silent(
    sandbox: Sandbox, connect: Connect, http: httpx.AsyncClient
) -> None:
    async with connect(make_bot()) as client:
        notice: list[str] = []
        for name in ("guild_join", "guild_remove", "guild_available", "guild_unavailable"):

            async def note(guild: nextcord.Guild, name: str = name) -> None:
                notice.append(f"{name} {guild.name}")

            setattr(client, f"on_{name}", note)
        await http.post(
            "/_sandbox/faults", json={"kind": "guild_unavailable", "guild_id": LOUNGE, "seconds": 0.05}
        )
        await eventually(
            lambda: notice == ["guild_unavailable Sandbox Lounge", "guild_available Sandbox Lounge"]
        )
        notice.clear()
        invite = {"client_id": sandbox.credentials.client_id, "scope": "bot", "guild_id": JUNIPER}
        await http.post("/oauth2/authorize", params=invite, data={"user": "owner", "guild_id": JUNIPER})
        await eventually(lambda: notice == ["guild_join Juniper Bar"])
        await http.post("/_sandbox/faults", json={"kind": "guild_delete", "guild_id": LOUNGE})
        await eventually(lambda: notice[1:] == ["guild_remove Sandbox Lounge"])
        assert [guild.name for guild in client.guilds] == ["Juniper Bar"]


async def test_people_move_between_voice_channels(
    sandbox: Sandbox, connect: Connect, http: httpx.AsyncClient
) -> None:
    async with connect(make_bot()) as client:
        stage, back = channel_id(sandbox, "Stage left"), channel_id(sandbox, "Back room")

        def sitting() -> dict[str, list[str]]:
            channels = client.guilds[0].voice_channels
            return {channel.name: [person.name for person in channel.members] for channel in channels}

        async def go(user: str, channel: str | None) -> int:
            body = {"user": user, "channel_id": channel}
            return (await http.post("/_sandbox/voice-state", json=body)).status_code

        assert await go("dj", stage) == 200
        await eventually(lambda: sitting() == {"Stage left": ["member", "dj"], "Back room": []})
        assert await go("member", back) == 200
        assert await go("dj", None) == 200
        await eventually(lambda: sitting() == {"Stage left": [], "Back room": ["member"]})
        assert await go("outsider", stage) == 404
        assert await go("member", channel_id(sandbox, "general")) == 400
        assert await go("nobody", stage) == 404


async def test_people_of_a_guild_can_be_asked_for(sandbox: Sandbox, connect: Connect) -> None:
    async with connect(make_bot()) as client:
        found = await client.guilds[0].query_members("d")
        assert [person.id for person in found] == [int(DJ)]
        found = await client.guilds[0].query_members(user_ids=[int(OWNER), int(OUTSIDER)])
        assert [person.id for person in found] == [int(OWNER)]


@pytest.mark.parametrize("privileged", ["message_content", "presences"])
async def test_an_intent_that_is_not_switched_on_is_refused(
    sandbox: Sandbox, connect: Connect, privileged: str
) -> None:
    sandbox.world.content_intent = False
    client = nextcord.Client(intents=nextcord.Intents(guilds=True, **{privileged: True}))
    with pytest.raises(nextcord.PrivilegedIntentsRequired):
        async with connect(client):
            pass


async def test_a_wrong_token_cannot_log_in(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nextcord.http.Route, "BASE", sandbox.api_url)
    client = nextcord.Client()
    with pytest.raises(nextcord.LoginFailure):
        await client.start("wrong")
    await client.close()


async def test_without_the_members_intent_only_people_in_voice_are_named(
    sandbox: Sandbox, connect: Connect
) -> None:
    client = nextcord.Client(
        intents=nextcord.Intents(guilds=True, voice_states=True), guild_ready_timeout=READY_SECONDS
    )
    async with connect(client):
        assert [person.name for person in client.guilds[0].members] == ["backline"]
        state = VoiceState(LOUNGE, channel_id(sandbox, "Back room"), DJ, "s")
        actions.enter_voice(sandbox.world, state)
        await eventually(lambda: client.guilds[0].get_member(int(DJ)))


async def test_shards_get_their_own_guilds(sandbox: Sandbox, connect: Connect) -> None:
    client = nextcord.AutoShardedClient(
        intents=nextcord.Intents.default(), shard_count=2, guild_ready_timeout=READY_SECONDS
    )
    async with connect(client):
        assert [guild.shard_id for guild in client.guilds] == [(int(LOUNGE) >> 22) % 2]
        assert sorted(session.shard_id for session in sandbox.gateway.sessions.values()) == [0, 1]
