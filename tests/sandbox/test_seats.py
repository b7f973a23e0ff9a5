"""Voice channels: who may join, who is heard there, and the bot's events about moves."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from sandbox import permissions
from sandbox.seed import BOT_PERMISSIONS, BOT_ROLE, LOUNGE, MEMBER
from sandbox.server import Sandbox

from .conftest import channel_id
from .peers import Peer, dial
from .voice.clients import HandClient

OWN = f"/guilds/{LOUNGE}/voice-states/@me"


@contextlib.asynccontextmanager
async def ready(sandbox: Sandbox) -> AsyncIterator[Peer]:
    """A bot's gateway connection that has received its guild."""
    async with dial(sandbox) as peer:
        await peer.identify()
        await peer.hear_until("GUILD_CREATE")
        yield peer


async def ask(peer: Peer, channel: str | None) -> None:
    await peer.say(4, {"guild_id": LOUNGE, "channel_id": channel, "self_mute": False, "self_deaf": False})


async def own_state(peer: Peer) -> dict[str, Any]:
    """Return the bot's next voice state."""
    while True:
        event = (await peer.hear_until("VOICE_STATE_UPDATE"))[-1]["d"]
        if event["member"]["user"].get("bot"):
            return dict(event)


async def edit(http: httpx.AsyncClient, **change: Any) -> dict[str, Any]:
    answer = await http.post(f"/_sandbox/guilds/{LOUNGE}", json=change)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def deny(http: httpx.AsyncClient, channel: str, bits: int) -> None:
    rows = [{"id": BOT_ROLE, "type": 0, "allow": 0, "deny": bits}]
    await edit(http, change="edit_channel", channel_id=channel, overwrites=rows if bits else [])


async def grant(http: httpx.AsyncClient, bits: int) -> None:
    await edit(http, change="edit_role", role_id=BOT_ROLE, permissions=BOT_PERMISSIONS | bits)


async def order(http: httpx.AsyncClient, **fault: Any) -> None:
    answer = await http.post("/_sandbox/faults", json=fault)
    assert answer.status_code == 200, answer.text


async def moderate(http: httpx.AsyncClient, user: str = "backline", **word: Any) -> httpx.Response:
    return await http.post("/_sandbox/voice-state", json={"user": user, **word})


@pytest.mark.parametrize("why", ["view", "connect", "full"])
async def test_a_bot_that_may_not_enter_is_not_answered(
    sandbox: Sandbox, http: httpx.AsyncClient, why: str
) -> None:
    stage, back = channel_id(sandbox, "Stage left"), channel_id(sandbox, "Back room")
    if why == "full":
        shape = await edit(http, change="edit_channel", channel_id=stage, user_limit=1)
        assert shape["user_limit"] == 1
    else:
        await deny(http, stage, permissions.VIEW_CHANNEL if why == "view" else permissions.CONNECT)
    async with ready(sandbox) as peer:
        await ask(peer, stage)
        await ask(peer, back)
        assert (await own_state(peer))["channel_id"] == back
        if why == "full":
            await grant(http, permissions.MOVE_MEMBERS)
        else:
            await deny(http, stage, 0)
        await ask(peer, stage)
        assert (await own_state(peer))["channel_id"] == stage


async def test_people_are_held_to_the_same_rules(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    stage = channel_id(sandbox, "Stage left")
    await edit(http, change="edit_channel", channel_id=stage, user_limit=1)
    assert (await moderate(http, "dj", channel_id=stage)).json()["code"] == "FULL"
    assert (await moderate(http, "owner", channel_id=stage)).status_code == 200  # has all permissions
    again = await moderate(http, "member", channel_id=stage, self_mute=True)  # already in that channel
    assert (again.status_code, again.json()["self_mute"]) == (200, True)
    assert (await http.post(f"/_sandbox/guilds/{LOUNGE}", json={
        "change": "edit_channel", "channel_id": stage, "user_limit": 100,
    })).status_code == 400  # fmt: skip


async def test_permission_to_speak_is_looked_at_when_joining_and_not_again(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    stage, back = channel_id(sandbox, "Stage left"), channel_id(sandbox, "Back room")
    await deny(http, stage, permissions.SPEAK)
    async with ready(sandbox) as peer:
        await ask(peer, stage)
        assert (await own_state(peer))["suppress"] is True
        await deny(http, stage, 0)
        await moderate(http, deaf=True)
        assert (await own_state(peer))["suppress"] is True
        await ask(peer, back)
        assert (await own_state(peer))["suppress"] is False
        await deny(http, back, permissions.SPEAK)
        await moderate(http, deaf=False)
        assert (await own_state(peer))["suppress"] is False
        await deny(http, stage, permissions.CONNECT)
        await order(http, kind="move_bot", channel_id=stage)  # the bot needs no Connect: the mover has it
        state = await own_state(peer)
        assert (state["channel_id"], state["suppress"]) == (stage, True)


async def test_a_server_mute_stays_with_the_member(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    stage = channel_id(sandbox, "Stage left")
    assert (await moderate(http, mute=True)).status_code == 409  # the bot is not in voice
    async with ready(sandbox) as peer:
        await ask(peer, stage)
        assert (await own_state(peer))["mute"] is False
        answer = (await moderate(http, mute=True, deaf=True)).json()
        assert (answer["mute"], answer["deaf"]) == (True, True)
        state = await own_state(peer)
        assert (state["mute"], state["deaf"], state["member"]["mute"]) == (True, True, True)
        await ask(peer, None)
        await own_state(peer)
        await ask(peer, stage)
        assert (await own_state(peer))["mute"] is True
    assert (await moderate(http, "member", mute="yes")).status_code == 400
    await moderate(http, "member", mute=True)
    states = (await http.get("/_sandbox/state")).json()["voice_states"]
    assert next(each for each in states if each["user_id"] == MEMBER)["mute"] is True


async def test_on_a_stage_one_is_audience_until_one_speaks(
    sandbox: Sandbox, http: httpx.AsyncClient, bot_http: httpx.AsyncClient
) -> None:
    stage = (await edit(http, change="add_channel", type=13, name="Open stage"))["id"]
    now = datetime.now(UTC).isoformat()
    assert (await bot_http.patch(OWN, json={"suppress": False})).json()["code"] == 10065
    async with ready(sandbox) as peer:
        await ask(peer, channel_id(sandbox, "Back room"))
        await own_state(peer)
        assert (await bot_http.patch(OWN, json={"suppress": True})).json()["code"] == 50024
        await ask(peer, stage)
        assert (await own_state(peer))["suppress"] is True

        body = {"channel_id": stage, "suppress": False}
        assert (await bot_http.patch(OWN, json=body)).json()["code"] == 50013
        past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        for wrong in (past, "soon"):
            refused = await bot_http.patch(OWN, json={"request_to_speak_timestamp": wrong})
            assert refused.json()["code"] == 50035
        assert (await bot_http.patch(OWN, json={"request_to_speak_timestamp": now})).status_code == 204
        assert (await own_state(peer))["request_to_speak_timestamp"] == now
        await moderate(http, suppress=False)  # a moderator accepts
        state = await own_state(peer)
        assert (state["suppress"], state["request_to_speak_timestamp"]) == (False, None)

        await order(http, kind="move_bot", channel_id=channel_id(sandbox, "Back room"))
        await own_state(peer)
        await order(http, kind="move_bot", channel_id=stage)
        assert (await own_state(peer))["suppress"] is True  # again after every move
        await grant(http, permissions.MUTE_MEMBERS)
        assert (await bot_http.patch(OWN, json=body)).status_code == 204
        assert (await own_state(peer))["suppress"] is False

        await moderate(http, "member", channel_id=stage)
        theirs = f"/guilds/{LOUNGE}/voice-states/{MEMBER}"
        assert (
            await bot_http.patch(theirs, json={"channel_id": stage, "suppress": False})
        ).status_code == 204
        assert (await bot_http.get(theirs)).json()["suppress"] is False
        everyone = [{"id": LOUNGE, "type": 0, "allow": 0, "deny": permissions.REQUEST_TO_SPEAK}]
        await edit(http, change="edit_channel", channel_id=stage, overwrites=everyone)
        refused = await bot_http.patch(OWN, json={"request_to_speak_timestamp": now})
        assert refused.json()["code"] == 50013


@pytest.mark.parametrize(("code", "server_first"), [(4014, False), (4022, True), (None, False), (None, True)])
async def test_a_move_is_told_in_both_orders_and_closes_the_old_socket_or_not(
    sandbox: Sandbox, http: httpx.AsyncClient, code: int | None, server_first: bool
) -> None:
    stage, back = channel_id(sandbox, "Stage left"), channel_id(sandbox, "Back room")
    async with ready(sandbox) as peer, HandClient(sandbox.voice) as client:
        await ask(peer, stage)
        session_id = (await own_state(peer))["session_id"]
        first = (await peer.hear_until("VOICE_SERVER_UPDATE"))[-1]["d"]
        who = {"server_id": LOUNGE, "user_id": sandbox.world.bot_id, "session_id": session_id}
        await client.connect()
        await client.identify(who | {"token": first["token"]})
        await client.receive(op=2)
        await order(http, kind="move_bot", channel_id=back, code=code, server_first=server_first)
        names: list[str] = []
        while len(names) < 2:
            event = await peer.hear()
            if event["t"] == "VOICE_STATE_UPDATE":
                assert (event["d"]["channel_id"], event["d"]["session_id"]) == (back, session_id)
            else:
                assert event["d"]["token"] != first["token"]
            names.append(event["t"])
        assert (names[0] == "VOICE_SERVER_UPDATE") is server_first
        if code is not None:
            assert await client.close_code() == code
        else:
            await client.send(3, {"t": 1, "seq_ack": 1})
            assert (await client.receive(op=6))["d"] == {"t": 1}


async def test_a_call_may_go_to_another_server(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    async with ready(sandbox) as peer:
        await ask(peer, channel_id(sandbox, "Back room"))
        first = (await peer.hear_until("VOICE_SERVER_UPDATE"))[-1]["d"]
        await order(http, kind="voice_server", null_first=True)
        lost = (await peer.hear_until("VOICE_SERVER_UPDATE"))[-1]["d"]
        found = (await peer.hear_until("VOICE_SERVER_UPDATE"))[-1]["d"]
        assert lost["endpoint"] is None
        assert found["endpoint"] == sandbox.voice.endpoint
        assert found["token"] != first["token"]


@pytest.mark.parametrize(("name", "code"), [("Back room", 4022), ("Stage left", 4014)])
async def test_a_kick_of_a_lone_bot_has_a_code_of_its_own(
    sandbox: Sandbox, http: httpx.AsyncClient, name: str, code: int
) -> None:
    async with ready(sandbox) as peer, HandClient(sandbox.voice) as client:
        await ask(peer, channel_id(sandbox, name))
        session_id = (await own_state(peer))["session_id"]
        token = (await peer.hear_until("VOICE_SERVER_UPDATE"))[-1]["d"]["token"]
        await client.connect()
        who = {"server_id": LOUNGE, "user_id": sandbox.world.bot_id, "session_id": session_id}
        await client.identify(who | {"token": token})
        await client.receive(op=2)
        await order(http, kind="kick_bot", state_first=False)
        assert await client.close_code() == code
        assert (await own_state(peer))["channel_id"] is None


async def test_the_afk_channel_is_a_setting(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    back = channel_id(sandbox, "Back room")
    async with ready(sandbox) as peer:
        assert (await edit(http, change="set_afk_channel", channel_id=back))["afk_channel_id"] == back
        assert (await peer.hear_until("GUILD_UPDATE"))[-1]["d"]["afk_channel_id"] == back
        assert (await edit(http, change="set_afk_channel", channel_id=None))["afk_channel_id"] is None
