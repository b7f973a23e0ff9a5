"""What an unmodified nextcord bot and a person at the control endpoints see of each other."""

import asyncio
from typing import Any

import httpx
import nextcord
import pytest
from nextcord import Interaction, SlashOption

from sandbox import actions
from sandbox.model import VoiceState
from sandbox.seed import DJ, JUNIPER, LOUNGE, MEMBER, OUTSIDER, OWNER
from sandbox.server import Sandbox
from tests.waiting import eventually

from .conftest import Connect, channel_id


class Buttons(nextcord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)

    @nextcord.ui.button(label="Count", custom_id="count")
    async def count(self, button: nextcord.ui.Button[Any], interaction: Interaction[Any]) -> None:
        label = str(button.label)
        button.label = str(int(label) + 1) if label.isdigit() else "1"
        await interaction.response.edit_message(view=self)

    @nextcord.ui.button(label="Whisper", custom_id="whisper")
    async def whisper(self, button: nextcord.ui.Button[Any], interaction: Interaction[Any]) -> None:
        await interaction.response.send_message("between us", ephemeral=True)

    @nextcord.ui.button(label="Off", custom_id="off", disabled=True)
    async def off(self, button: nextcord.ui.Button[Any], interaction: Interaction[Any]) -> None: ...


READY_SECONDS = 0.2  # how long nextcord waits for more guilds before it calls itself ready; its default is 2


def make_bot() -> nextcord.Client:
    intents = nextcord.Intents.default()
    intents.members = True
    client = nextcord.Client(intents=intents, guild_ready_timeout=READY_SECONDS)

    @client.slash_command(description="Play a track")
    async def play(
        interaction: Interaction[Any],
        query: str = SlashOption(description="What", autocomplete=True),
        position: str = SlashOption(
            description="Where", required=False, default="end", choices=["end", "next"]
        ),
        times: int = SlashOption(
            description="How often", required=False, default=1, min_value=1, max_value=3
        ),
    ) -> None:
        await interaction.response.send_message(f"{interaction.user} plays {query} {times}x at {position}")

    @play.on_autocomplete("query")
    async def suggest(interaction: Interaction[Any], query: str) -> None:
        await interaction.response.send_autocomplete([f"{query} one", f"{query} two"])

    @client.slash_command(description="Slow")
    async def slow(
        interaction: Interaction[Any], secret: bool = SlashOption(description="?", required=False)
    ) -> None:
        await interaction.response.defer(ephemeral=bool(secret))
        await asyncio.sleep(0.05)
        await interaction.edit_original_message(content="done at last")
        await interaction.followup.send("and more", ephemeral=bool(secret))

    @client.slash_command(description="Never answers")
    async def silent(interaction: Interaction[Any]) -> None: ...

    @client.slash_command(description="Shows buttons")
    async def panel(interaction: Interaction[Any]) -> None:
        embed = nextcord.Embed(title="Panel", description="Press", colour=0xF2A33A)
        await interaction.response.send_message(embed=embed, view=Buttons())

    @client.slash_command(description="Of people and places")
    async def who(
        interaction: Interaction[Any],
        person: nextcord.Member = SlashOption(description="Person"),
        place: nextcord.abc.GuildChannel = SlashOption(description="Place", required=False),
    ) -> None:
        await interaction.response.send_message(f"{person.id} {place.id if place else None}")

    @client.slash_command(description="Lists")
    async def playlist(interaction: Interaction[Any]) -> None: ...

    @playlist.subcommand(description="Add to a list")
    async def add(interaction: Interaction[Any], name: str = SlashOption(description="Name")) -> None:
        await interaction.response.send_message(f"added {name}", ephemeral=True)

    @client.slash_command(
        description="For managers", default_member_permissions=nextcord.Permissions(manage_guild=True)
    )
    async def manage(interaction: Interaction[Any]) -> None:
        await interaction.response.send_message("managed")

    return client


class Human:
    """Uses commands and presses buttons in the Lounge's #general."""

    def __init__(self, sandbox: Sandbox, http: httpx.AsyncClient, name: str) -> None:
        self.place = {"user": name, "guild_id": LOUNGE, "channel_id": channel_id(sandbox, "general")}
        self.http = http

    async def use(self, command: str, **more: Any) -> tuple[int, dict[str, Any]]:
        options = more.pop("options", {})
        body = self.place | {"command": command, "options": options} | more
        answer = await self.http.post("/_sandbox/interactions", json=body)
        return answer.status_code, answer.json()

    async def press(self, message_id: str, custom_id: str) -> tuple[int, dict[str, Any]]:
        body = {"user": self.place["user"], "message_id": message_id, "custom_id": custom_id}
        answer = await self.http.post("/_sandbox/components", json=body)
        return answer.status_code, answer.json()

    async def sees(self) -> list[str]:
        state = (await self.http.get("/_sandbox/state", params={"user": self.place["user"]})).json()
        return [message["content"] for message in state["messages"]]


@pytest.fixture
def member(sandbox: Sandbox, http: httpx.AsyncClient) -> Human:
    return Human(sandbox, http, "member")


async def registered(sandbox: Sandbox) -> None:
    """Wait until the commands are registered, which nextcord does right after it is ready."""
    await eventually(lambda: len(sandbox.world.commands) >= 7)


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


async def test_a_slash_command_is_answered(sandbox: Sandbox, connect: Connect, member: Human) -> None:
    async with connect(make_bot()):
        await registered(sandbox)
        status, reply = await member.use("play", options={"query": "moss", "times": 2, "position": "next"})
        assert (status, reply["content"]) == (200, "member plays moss 2x at next")
        assert reply["interaction_metadata"]["user"]["id"] == MEMBER
        status, reply = await member.use("playlist add", options={"name": "late"})
        assert (status, reply["content"], reply["flags"]) == (200, "added late", 64)
        status, reply = await member.use("who", options={"person": "dj", "place": "Stage left"})
        assert reply["content"] == f"{DJ} {channel_id(sandbox, 'Stage left')}"


@pytest.mark.parametrize(
    ("command", "options", "status", "words"),
    [
        ("play", {}, 400, "'query' is required"),
        ("play", {"query": 5}, 400, "must be a string"),
        ("play", {"query": "x", "position": "sideways"}, 400, "must be one of: end, next"),
        ("play", {"query": "x", "times": 4}, 400, "from 1 to 3"),
        ("play", {"query": "x", "times": "2"}, 400, "an integer"),
        ("play", {"query": "x", "colour": "red"}, 400, "no option 'colour'"),
        ("who", {"person": "nobody"}, 400, "there is nothing named"),
        ("playlist", {}, 400, "needs a subcommand"),
        ("playlist drop", {}, 404, "no subcommand"),
        ("dance", {}, 404, "not registered a command /dance"),
        ("manage", {}, 403, "may not use"),
    ],
)
async def test_a_command_line_that_does_not_fit_never_reaches_the_bot(
    sandbox: Sandbox,
    connect: Connect,
    member: Human,
    command: str,
    options: dict[str, Any],
    status: int,
    words: str,
) -> None:
    async with connect(make_bot()):
        await registered(sandbox)
        got, body = await member.use(command, options=options)
        assert got == status
        assert words in body["detail"]
        assert not sandbox.interactions.by_token


async def test_autocomplete_asks_the_bot(sandbox: Sandbox, connect: Connect, http: httpx.AsyncClient) -> None:
    async with connect(make_bot()):
        await registered(sandbox)
        place = {"user": "dj", "guild_id": LOUNGE, "channel_id": channel_id(sandbox, "general")}
        body = place | {"command": "play", "options": {"query": "mo"}, "autocomplete": "query"}
        answer = (await http.post("/_sandbox/autocomplete", json=body)).json()
        assert [choice["value"] for choice in answer["choices"]] == ["mo one", "mo two"]
        wrong = await http.post("/_sandbox/autocomplete", json=body | {"autocomplete": "times"})
        assert wrong.status_code == 400


async def test_a_deferred_answer_is_waited_for_and_followed_up(
    sandbox: Sandbox, connect: Connect, member: Human, http: httpx.AsyncClient
) -> None:
    async with connect(make_bot()):
        await registered(sandbox)
        status, reply = await member.use("slow")
        assert (status, reply["content"], reply["flags"]) == (200, "done at last", 0)
        await eventually(
            lambda: [m.content for m in sandbox.world.messages.values()] == ["done at last", "and more"]
        )
        await member.use("slow", options={"secret": True})
        await eventually(lambda: len(sandbox.world.messages) == 4)
        assert await member.sees() == ["done at last", "and more"] * 2
        assert await Human(sandbox, http, "dj").sees() == ["done at last", "and more"]
        assert await Human(sandbox, http, "outsider").sees() == []


async def test_a_bot_that_says_nothing_did_not_respond(
    sandbox: Sandbox, connect: Connect, member: Human
) -> None:
    async with connect(make_bot()):
        await registered(sandbox)
        status, body = await member.use("silent")
        assert (status, body["detail"]) == (504, "The application did not respond")
    status, body = await member.use("silent")
    assert (status, body["code"]) == (504, "NO_ANSWER")


async def test_buttons_answer_in_place_or_privately(
    sandbox: Sandbox, connect: Connect, member: Human, http: httpx.AsyncClient
) -> None:
    async with connect(make_bot()):
        await registered(sandbox)
        _, panel = await member.use("panel")
        for label in ("1", "2"):
            status, edited = await member.press(panel["id"], "count")
            assert (status, edited["id"]) == (200, panel["id"])
            assert edited["components"][0]["components"][0]["label"] == label
        status, whisper = await member.press(panel["id"], "whisper")
        assert (whisper["content"], whisper["flags"]) == ("between us", 64)
        assert (await member.press(panel["id"], "off"))[0] == 409
        assert (await member.press(panel["id"], "nothing"))[0] == 404
        assert (await Human(sandbox, http, "dj").press(whisper["id"], "count"))[0] == 404
        assert (await Human(sandbox, http, "outsider").press(panel["id"], "count"))[0] == 404


async def test_a_late_or_second_answer_is_refused(
    sandbox: Sandbox, connect: Connect, member: Human, http: httpx.AsyncClient
) -> None:
    async with connect(make_bot()):
        await registered(sandbox)
        await member.use("play", options={"query": "x"})
        answered = list(sandbox.interactions.by_token.values())[-1]
        path = f"/api/v10/interactions/{answered.id}/{answered.token}/callback?with_response=true"
        second = await http.post(path, json={"type": 4, "data": {"content": "again"}})
        assert (second.status_code, second.json()["code"]) == (400, 40060)
        await member.use("silent")
        silent = list(sandbox.interactions.by_token.values())[-1]
        late = await http.post(f"/api/v10/interactions/{silent.id}/{silent.token}/callback", json={"type": 5})
        assert (late.status_code, late.json()["code"]) == (404, 10062)
        hook = f"/api/v10/webhooks/{sandbox.credentials.client_id}/{answered.token}"
        original = (await http.get(f"{hook}/messages/@original")).json()
        assert original["content"].startswith("member plays x")
        assert (await http.delete(f"{hook}/messages/{original['id']}")).status_code == 204
        assert (await http.get(f"{hook}/messages/@original")).status_code == 404
        answered.created -= 16 * 60
        expired = await http.post(hook, json={"content": "late"})
        assert (expired.status_code, expired.json()["code"]) == (401, 50027)


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
    sandbox: Sandbox, connect: Connect, http: httpx.AsyncClient, member: Human
) -> None:
    async with connect(make_bot()):
        await registered(sandbox)
        session = next(iter(sandbox.gateway.sessions))
        await http.post("/_sandbox/faults", json={"kind": "invalid_session"})
        await eventually(
            lambda: sandbox.gateway.sessions and session not in sandbox.gateway.sessions, within=20
        )
        status, reply = await member.use("play", options={"query": "still"})
        assert (status, reply["content"]) == (200, "member plays still 1x at end")


async def test_guilds_come_go_and_fall_silent(
    sandbox: Sandbox, connect: Connect, http: httpx.AsyncClient
) -> None:
    async with connect(make_bot()) as client:
        told: list[str] = []
        for name in ("guild_join", "guild_remove", "guild_available", "guild_unavailable"):

            async def note(guild: nextcord.Guild, name: str = name) -> None:
                told.append(f"{name} {guild.name}")

            setattr(client, f"on_{name}", note)
        await http.post(
            "/_sandbox/faults", json={"kind": "guild_unavailable", "guild_id": LOUNGE, "seconds": 0.05}
        )
        await eventually(
            lambda: told == ["guild_unavailable Sandbox Lounge", "guild_available Sandbox Lounge"]
        )
        told.clear()
        invite = {"client_id": sandbox.credentials.client_id, "scope": "bot", "guild_id": JUNIPER}
        await http.post("/oauth2/authorize", params=invite, data={"user": "owner", "guild_id": JUNIPER})
        await eventually(lambda: told == ["guild_join Juniper Bar"])
        await http.post("/_sandbox/faults", json={"kind": "guild_delete", "guild_id": LOUNGE})
        await eventually(lambda: told[1:] == ["guild_remove Sandbox Lounge"])
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
