"""What survives the end of the sandbox's process, and what must not."""

import asyncio
import json
import os
import signal
import stat
import sys
from pathlib import Path

import aiohttp
import httpx

from sandbox.credentials import load_or_create
from sandbox.seed import DJ, LOUNGE, MEMBER
from sandbox.server import Sandbox
from tests.waiting import WITHIN_SECONDS, eventually

from .test_oauth import log_in, query, trade

ROOT = Path(__file__).resolve().parents[2]


def test_credentials_are_made_once_and_private(tmp_path: Path) -> None:
    first = load_or_create(tmp_path / "new" / "folder")
    assert load_or_create(tmp_path / "new" / "folder") == first
    assert load_or_create(tmp_path / "other").client_secret != first.client_secret
    mode = (tmp_path / "new" / "folder" / "credentials.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


async def test_a_restart_keeps_people_messages_and_logins(tmp_path: Path) -> None:
    before = Sandbox(data_dir=tmp_path, port=0)
    await before.start()
    port = before.port
    assert before.ca_file == load_or_create(tmp_path).ca_file
    async with httpx.AsyncClient(base_url=before.url) as http:
        headers = await log_in(before, http, "dj")
        place = before.world.voice_states[LOUNGE, MEMBER].channel_id
        await http.post("/_sandbox/voice-state", json={"user": "dj", "channel_id": place})
        await http.post("/_sandbox/voice-state", json={"user": "member", "channel_id": None})
        general = next(each for each in before.world.channels.values() if each.name == "general")
        reply = await http.post(
            "/_sandbox/messages", json={"user": "dj", "channel_id": general.id, "content": "remember me"}
        )
        assert reply.status_code == 200
        await before.stop()

    after = Sandbox(data_dir=tmp_path, port=port)
    await after.start()
    async with httpx.AsyncClient(base_url=after.url) as http:
        assert (await http.get("/api/v10/users/@me", headers=headers)).json()["id"] == DJ
        assert {state.user_id for state in after.world.voice_states.values()} == {DJ}
        assert [message.content for message in after.world.messages.values()] == ["remember me"]
    await after.stop()


async def test_an_unreadable_state_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "world.json").write_text("{ half a")
    sandbox = Sandbox(data_dir=tmp_path, port=0)
    await sandbox.start()
    assert len(sandbox.world.guilds) == 2
    await sandbox.stop()
    assert (tmp_path / "world.unreadable").read_text() == "{ half a"


async def test_stop_is_quick_with_open_sockets(tmp_path: Path) -> None:
    sandbox = Sandbox(data_dir=tmp_path, port=0)
    await sandbox.start()
    async with aiohttp.ClientSession() as client:
        gateway = await client.ws_connect(sandbox.gateway_url)
        feed = await client.get(f"{sandbox.url}/_sandbox/feed?user=owner")
        live = await client.get(f"{sandbox.url}/_sandbox/voice/{LOUNGE}/live.ogg")
        async with asyncio.timeout(WITHIN_SECONDS):
            await sandbox.stop()
        await gateway.receive()
        assert (await gateway.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        feed.close()
        live.close()


async def test_kill_9_loses_less_than_a_second_and_leaves_no_ghost(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "--data-dir", str(tmp_path), "--port", "0",
        stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        url = (await asyncio.wait_for(process.stdout.readline(), 20)).decode().split()[-1]
        token = load_or_create(tmp_path).bot_token
        async with aiohttp.ClientSession() as client, client.ws_connect(f"{url}/gateway") as bot:
            await bot.receive_json()
            await bot.send_json({"op": 2, "d": {"token": token, "intents": 1 << 7}})
            state = await (await client.get(f"{url}/_sandbox/state")).json()
            stage = next(each["id"] for each in state["channels"] if each.get("name") == "Stage left")
            await bot.send_json({"op": 4, "d": {"guild_id": LOUNGE, "channel_id": stage}})
            while (await bot.receive_json())["t"] != "VOICE_STATE_UPDATE":
                pass
            await client.post(f"{url}/_sandbox/voice-state", json={"user": "dj", "channel_id": stage})
            written = tmp_path / "world.json"

            def dj_is_written() -> bool:
                rows = json.loads(written.read_text())["voice_states"] if written.exists() else []
                return any(row["user_id"] == DJ for row in rows)

            await eventually(dj_is_written, within=1)
            process.send_signal(signal.SIGKILL)
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    sandbox = Sandbox(data_dir=tmp_path, port=0)
    await sandbox.start()
    assert {state.user_id for state in sandbox.world.voice_states.values()} == {MEMBER, DJ}
    await sandbox.stop()


async def test_a_code_does_not_outlive_the_process(tmp_path: Path) -> None:
    first = Sandbox(data_dir=tmp_path, port=0)
    await first.start()
    async with httpx.AsyncClient(base_url=first.url) as http:
        answer = await http.post("/oauth2/authorize", params=query(first), data={"user": "dj"})
        code = httpx.URL(answer.headers["location"]).params["code"]
    await first.stop()
    second = Sandbox(data_dir=tmp_path, port=0)
    await second.start()
    async with httpx.AsyncClient(base_url=second.url) as http:
        assert (await trade(second, http, code)).status_code == 400
    await second.stop()
