"""The gateway's protocol, payload by payload."""

import json
import time
import zlib
from typing import Any

import httpx
import pytest
import zstandard

from sandbox import gateway as protocol
from sandbox.seed import DJ, JUNIPER, LOUNGE, OUTSIDER
from sandbox.server import Sandbox
from tests.waiting import eventually

from .conftest import channel_id
from .peers import dial, listening


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token": "wrong"}, 4004),
        ({"shard": [2, 2]}, 4010),
        ({"shard": "0"}, 4010),
        ({"intents": 1 << 40}, 4013),
        ({"intents": None}, 4013),
        ({"intents": 1 << 8}, 4014),
    ],
)
async def test_a_bad_identify_closes(sandbox: Sandbox, changes: dict[str, Any], code: int) -> None:
    async with dial(sandbox) as peer:
        await peer.identify(**changes)
        assert await peer.close_code() == code


async def test_a_bucket_of_shards_takes_one_identify_at_a_time(
    sandbox: Sandbox, bot_http: httpx.AsyncClient
) -> None:
    sandbox.gateway.IDENTIFY_SECONDS, sandbox.gateway.MAX_CONCURRENCY = 3600.0, 2
    limit = (await bot_http.get("/gateway/bot")).json()["session_start_limit"]
    assert (limit["max_concurrency"], limit["remaining"]) == (2, 1000)
    async with dial(sandbox) as zero, dial(sandbox) as one, dial(sandbox) as two:
        for peer, shard in ((zero, 0), (one, 1), (two, 2)):
            await peer.hear()
            await peer.identify(shard=[shard, 3])
        assert (await zero.hear())["t"] == "READY"
        assert (await one.hear())["t"] == "READY"
        assert await two.hear() == {"op": 9, "t": None, "s": None, "d": False}
        sandbox.gateway.IDENTIFY_SECONDS = 0.0
        await two.identify(shard=[2, 3])
        assert (await two.hear())["t"] == "READY"


async def test_payloads_out_of_order_close(sandbox: Sandbox) -> None:
    async with dial(sandbox) as peer:
        await peer.say(4, {"guild_id": LOUNGE})
        assert await peer.close_code() == 4003
    async with dial(sandbox) as peer:
        await peer.identify()
        await peer.identify()
        assert await peer.close_code() == 4005
    async with dial(sandbox) as peer:
        await peer.say(99)
        assert await peer.close_code() == 4001
    for rubbish in ("{", "[]", json.dumps({"op": 1, "d": "x" * 5000})):
        async with dial(sandbox) as peer:
            await peer.ws.send_str(rubbish)
            assert await peer.close_code() == 4002
    async with dial(sandbox, "?v=6") as peer:
        assert await peer.close_code() == 4012


async def test_the_121st_payload_of_a_minute_closes(sandbox: Sandbox) -> None:
    async with dial(sandbox) as peer:
        for _ in range(121):
            await peer.say(1)
        assert await peer.close_code() == 4008


async def test_a_silent_client_is_closed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEARTBEAT_INTERVAL_MS", 100)
    async with dial(sandbox) as peer:
        assert (await peer.hear())["d"]["heartbeat_interval"] == 100
        assert await peer.close_code() == 4009


@pytest.mark.parametrize("name", ["zlib-stream", "zstd-stream"])
async def test_a_compressed_transport_is_one_stream_over_all_messages(sandbox: Sandbox, name: str) -> None:
    unpack = zlib.decompressobj() if name == "zlib-stream" else zstandard.ZstdDecompressor().decompressobj()
    async with dial(sandbox, f"?v=10&encoding=json&compress={name}", unpack=unpack.decompress) as peer:
        await peer.identify(compress=True)  # payload compression, which a compressed transport turns off
        heard = await peer.hear_until("GUILD_CREATE")
        assert [each["t"] for each in heard] == [None, "READY", "GUILD_CREATE"]


async def test_long_payloads_are_compressed_for_a_client_that_asks(sandbox: Sandbox) -> None:
    async with dial(sandbox) as peer:
        assert (await peer.hear())["op"] == 10
        await peer.identify(compress=True)
        await peer.hear_until("READY")
        assert json.loads(zlib.decompress(await peer.ws.receive_bytes(timeout=5)))["t"] == "GUILD_CREATE"
        await peer.say(1)
        assert json.loads(await peer.ws.receive_str(timeout=5))["op"] == 11


async def test_version_9_is_spoken_too(sandbox: Sandbox) -> None:
    async with dial(sandbox, "?v=9&encoding=json") as peer:
        await peer.identify()
        assert (await peer.dispatched("READY"))["v"] == 9


async def test_members_are_asked_for_in_four_ways(sandbox: Sandbox) -> None:
    async with listening(sandbox, 1 << 0 | 1 << 1) as peer:

        async def ask(**how: Any) -> dict[str, Any]:
            await peer.say(8, {"guild_id": LOUNGE, **how})
            return await peer.dispatched("GUILD_MEMBERS_CHUNK")

        def names(chunk: dict[str, Any]) -> list[str]:
            return sorted(member["user"]["username"] for member in chunk["members"])

        everybody = await ask(query="", limit=0, nonce="n" * 32, presences=True)
        assert (len(everybody["members"]), everybody["nonce"]) == (4, "n" * 32)
        assert names(await ask(query="O", limit=5)) == ["owner"]
        assert len((await ask(query="", limit=2))["members"]) == 2
        found = await ask(user_ids=[DJ, OUTSIDER], nonce="n" * 33)
        assert (names(found), found["not_found"], "nonce" in found) == (["dj"], [OUTSIDER], False)
        assert names(await ask(user_ids=DJ)) == ["dj"]


async def test_sounds_and_ephemeral_data_of_channels_are_sent_on_request(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    stage, back = channel_id(sandbox, "Stage left"), channel_id(sandbox, "Back room")
    async with listening(sandbox, 1 << 0 | 1 << 7) as peer:
        await peer.say(31, {"guild_ids": [JUNIPER, LOUNGE]})
        assert await peer.dispatched("SOUNDBOARD_SOUNDS") == {"guild_id": LOUNGE, "soundboard_sounds": []}
        await http.post("/_sandbox/voice-state", json={"user": "member", "channel_id": back})
        await peer.dispatched("VOICE_STATE_UPDATE")
        await peer.say(43, {"guild_id": LOUNGE, "fields": ["status", "voice_start_time"]})
        info = await peer.dispatched("CHANNEL_INFO")
        assert {each["id"]: each for each in info["channels"]} == {
            stage: {"id": stage, "status": None, "voice_start_time": None},
            back: {"id": back, "status": None, "voice_start_time": pytest.approx(time.time(), abs=60)},
        }
        await peer.say(43, {"guild_id": LOUNGE, "fields": ["status"]})
        assert (await peer.dispatched("CHANNEL_INFO"))["channels"][0] == {"id": stage, "status": None}


PRESENCE = {
    "status": "online",
    "afk": False,
    "since": None,
    "activities": [{"name": "Cold Harbour", "type": 2}],
}


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "busy"}, {"afk": None}, {"since": "now"}, {"activities": None}, {"activities": [{"name": "x"}]},
        {"activities": [{"name": "", "type": 0}]}, {"activities": [{"name": "x" * 129, "type": 0}]},
        {"activities": [{"name": "x", "type": 6}]},
    ],
)  # fmt: skip
async def test_a_malformed_presence_closes(sandbox: Sandbox, changes: dict[str, Any]) -> None:
    async with listening(sandbox, 1) as peer:
        await peer.say(3, PRESENCE | changes)
        assert await peer.close_code() == 4002


async def test_a_presence_is_shown_and_the_sixth_in_20_seconds_ignored(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    async def reply() -> str:
        state = (await http.get("/_sandbox/state")).json()
        return str(state["gateway"][0]["presence"]["said"])

    async with listening(sandbox, 1) as peer:
        assert await reply() == ""
        await peer.say(3, PRESENCE)
        for text in ("a", "b", "c", "d", "e"):
            activities = [{"name": "Custom Status", "type": 4, "state": text}]
            await peer.say(3, PRESENCE | {"activities": activities})
        await eventually(lambda: sandbox.gateway.ignored_presences == 1)
        assert await reply() == "d"


async def test_a_resume_replays_exactly_what_was_missed(
    sandbox: Sandbox, bot_http: httpx.AsyncClient
) -> None:
    path = f"/channels/{channel_id(sandbox, 'general')}/messages"
    async with dial(sandbox) as peer:
        await peer.identify()
        heard = await peer.hear_until("GUILD_CREATE")
    session = next(event["d"]["session_id"] for event in heard if event["t"] == "READY")
    seen = heard[-1]["s"]
    # aiohttp's client closes with 1000 at the end of `with`, which ends the session. Now abort instead.
    await eventually(lambda: not sandbox.gateway.sessions)
    async with dial(sandbox) as peer:
        await peer.say(6, {"token": peer.token, "session_id": session, "seq": seen})
        assert (await peer.hear())["op"] == 10
        assert await peer.hear() == {"op": 9, "t": None, "s": None, "d": False}
        await peer.identify()
        heard = await peer.hear_until("GUILD_CREATE")
        session, seen = heard[0]["d"]["session_id"], heard[-1]["s"]
        await peer.ws.close(code=4000)
    for text in ("one", "two"):
        await bot_http.post(path, json={"content": text})
    async with dial(sandbox) as peer:
        await peer.say(6, {"token": peer.token, "session_id": session, "seq": seen + 100})
        assert await peer.close_code() == 4007
    async with dial(sandbox) as peer:
        await peer.hear()
        await peer.say(6, {"token": peer.token, "session_id": session, "seq": seen})
        heard = await peer.hear_until("RESUMED")
        assert [event["d"].get("content") for event in heard] == ["one", "two", None]
        assert [event["s"] for event in heard] == [seen + 1, seen + 2, seen + 3]


async def test_a_resume_from_beyond_the_buffer_is_refused(sandbox: Sandbox) -> None:
    async with dial(sandbox) as peer:
        await peer.identify()
        heard = await peer.hear_until("GUILD_CREATE")
        await peer.ws.close(code=4000)
    session = sandbox.gateway.sessions[heard[1]["d"]["session_id"]]
    for _ in range(1001):
        session.dispatch("TYPING_START", {})
    async with dial(sandbox) as peer:
        await peer.hear()
        await peer.say(6, {"token": peer.token, "session_id": session.id, "seq": heard[-1]["s"]})
        assert (await peer.hear())["op"] == 9


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("voice-state", {"user": "nobody"}, 404),
        ("voice-state", [], 400),
        ("interactions", {"user": "member"}, 400),
        ("interactions", {"user": "member", "guild_id": "1", "channel_id": "1", "command": "x"}, 404),
        ("components", {"user": "member", "message_id": "1", "custom_id": "x"}, 404),
        ("autocomplete", {"user": "member", "guild_id": LOUNGE}, 400),
        ("messages", {"user": "outsider", "channel_id": "1090315482246234115", "content": "x"}, 404),
        ("messages", {"user": "member", "channel_id": "1090315482246234117", "content": "x"}, 403),
        (f"guilds/{LOUNGE}", {"change": "burn"}, 400),
        (f"guilds/{LOUNGE}", {"change": "edit_role", "role_id": "1"}, 404),
        (f"guilds/{LOUNGE}", {"change": "transfer", "user_id": OUTSIDER}, 404),
        ("faults", {"kind": "members_intent", "granted": "yes"}, 400),
        ("guilds/1", {"change": "rename"}, 404),
    ],
)
async def test_bad_input_is_answered_with_a_sentence(
    http: httpx.AsyncClient, path: str, body: Any, status: int
) -> None:
    answer = await http.post(f"/_sandbox/{path}", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]
    assert answer.json()["code"]
