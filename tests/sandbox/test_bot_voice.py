"""The bot in voice: op 4, moves, kicks, and what happens when its gateway session ends."""

import asyncio
import math
import ssl
import struct
from typing import Any

import aiohttp
import httpx
import nextcord
import pytest

from sandbox.seed import LOUNGE, MEMBER
from sandbox.server import Sandbox
from tests.waiting import WITHIN_SECONDS, eventually

from .conftest import Connect, channel_id

TONE_HZ = 660
FRAME_SAMPLES = 960


class Tone(nextcord.AudioSource):
    """An endless 660 Hz sine, in 20 ms pieces of 48 kHz stereo PCM."""

    def __init__(self) -> None:
        self.at = 0

    def read(self) -> bytes:
        times = range(self.at, self.at + FRAME_SAMPLES)
        self.at += FRAME_SAMPLES
        values = (int(12_000 * math.sin(2 * math.pi * TONE_HZ * time / 48_000)) for time in times)
        return b"".join(struct.pack("<hh", value, value) for value in values)


def make_voice_bot(sandbox: Sandbox) -> nextcord.Client:
    """Create a bot that trusts the sandbox's CA, as Backline does with DISCORD_CA_FILE."""
    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    return nextcord.Client(
        intents=nextcord.Intents.default(),
        guild_ready_timeout=0.2,
        connector=aiohttp.TCPConnector(ssl=context),
    )


async def join(client: nextcord.Client, name: str = "Stage left") -> nextcord.VoiceClient:
    channel = next(each for each in client.guilds[0].voice_channels if each.name == name)
    voice: nextcord.VoiceProtocol = await channel.connect(timeout=10)
    assert isinstance(voice, nextcord.VoiceClient)
    return voice


async def heard(http: httpx.AsyncClient) -> dict[str, Any]:
    reports = (await http.get("/_sandbox/state")).json()["voice"]
    return dict(reports[0]) if reports else {}


def bot_channel(sandbox: Sandbox) -> str | None:
    state = sandbox.world.voice_states.get((LOUNGE, sandbox.world.bot_id))
    return state.channel_id if state else None


async def order(http: httpx.AsyncClient, **fault: Any) -> None:
    answer = await http.post("/_sandbox/faults", json=fault)
    assert answer.status_code == 200, answer.text


async def test_the_bot_joins_plays_is_moved_and_leaves(
    sandbox: Sandbox, connect: Connect, http: httpx.AsyncClient
) -> None:
    stage, back = channel_id(sandbox, "Stage left"), channel_id(sandbox, "Back room")
    async with connect(make_voice_bot(sandbox)) as client:
        voice = await join(client)
        assert bot_channel(sandbox) == stage
        voice.play(Tone())

        async def tone_is_heard(where: str) -> None:
            async def so() -> bool:
                report = await heard(http)
                found = report.get("channel_id") == where and abs((report["tone_hz"] or 0) - TONE_HZ) < 5
                return found and report["dave"] == 1

            await eventually(so, what=f"a tone of {TONE_HZ} Hz, encrypted, in {where}")

        await tone_is_heard(stage)
        recording = await http.get(f"/_sandbox/voice/{LOUNGE}/audio.ogg")
        assert recording.content.startswith(b"OggS")
        async with http.stream("GET", f"/_sandbox/voice/{LOUNGE}/live.ogg") as live:
            assert (await anext(live.aiter_bytes())).startswith(b"OggS")

        await order(http, kind="move_bot", channel_id=back)
        await eventually(lambda: bot_channel(sandbox) == back)
        await http.post("/_sandbox/voice-state", json={"user": "member", "channel_id": back})
        await tone_is_heard(back)
        await voice.disconnect()
        await eventually(lambda: bot_channel(sandbox) is None)
        assert await heard(http) == {}


async def test_a_kick_takes_the_bot_out(sandbox: Sandbox, connect: Connect, http: httpx.AsyncClient) -> None:
    async with connect(make_voice_bot(sandbox)) as client:
        voice = await join(client)
        await order(http, kind="kick_bot")
        await eventually(lambda: bot_channel(sandbox) is None and not voice.is_connected())


async def test_a_lost_voice_connection_is_made_again(
    sandbox: Sandbox, connect: Connect, http: httpx.AsyncClient
) -> None:
    async with connect(make_voice_bot(sandbox)) as client:
        voice = await join(client)
        await order(http, kind="voice_close", code=4006)
        await eventually(lambda: not voice.is_connected())
        await eventually(voice.is_connected, within=20)
        assert bot_channel(sandbox) == channel_id(sandbox, "Stage left")


async def test_a_clean_goodbye_leaves_voice_at_once(sandbox: Sandbox, connect: Connect) -> None:
    async with connect(make_voice_bot(sandbox)) as client:
        await join(client)
    await eventually(lambda: bot_channel(sandbox) is None)


async def test_a_dropped_gateway_leaves_voice_after_the_resume_window(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox.gateway, "RESUME_WINDOW_SECONDS", 0.3)
    async with aiohttp.ClientSession() as session, session.ws_connect(sandbox.gateway_url) as ws:
        assert (await ws.receive_json())["op"] == 10
        data = {"token": sandbox.credentials.bot_token, "intents": 0, "properties": {}}
        await ws.send_json({"op": 2, "d": data})
        stage = channel_id(sandbox, "Stage left")
        await ws.send_json({"op": 4, "d": {"guild_id": LOUNGE, "channel_id": stage}})
        while (event := await ws.receive_json())["t"] != "VOICE_SERVER_UPDATE":
            pass
        assert event["d"]["endpoint"] == sandbox.voice.endpoint
        assert bot_channel(sandbox) == stage
        next(iter(sandbox.gateway.connections)).abort()
        await eventually(lambda: not sandbox.gateway.connections)
        assert bot_channel(sandbox) == stage
        await eventually(lambda: bot_channel(sandbox) is None)
    assert sandbox.world.voice_states[LOUNGE, MEMBER].channel_id == stage


async def test_stop_is_quick_while_the_bot_plays(sandbox: Sandbox, connect: Connect) -> None:
    async with connect(make_voice_bot(sandbox)) as client:
        (await join(client)).play(Tone())
        async with asyncio.timeout(WITHIN_SECONDS):
            await sandbox.stop()
