"""Commands and buttons: what a person gets to see of the replies of an unmodified nextcord bot."""

from typing import Any

import httpx
import pytest

from sandbox.seed import DJ, LOUNGE, MEMBER
from sandbox.server import Sandbox
from tests.sandbox.bots import Human, make_bot, registered
from tests.sandbox.conftest import Connect, channel_id
from tests.waiting import eventually


@pytest.fixture
def member(sandbox: Sandbox, http: httpx.AsyncClient) -> Human:
    return Human(sandbox, http, "member")


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
        ("play", {"query": "x", "color": "red"}, 400, "no option 'color'"),
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
