"""Rights that are removed in Discord end here at once, with a real bot in the sandbox and a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from accounts.models import AuthSession
from guilds.channel_permissions import VIEW_CHANNEL
from guilds.permissions import ADMINISTRATOR
from realtime.db import in_thread
from sandbox.seed import BOT_ROLE, LOUNGE, MEMBER, OWNER
from sandbox.server import Sandbox
from tests.botrunner.stage import Stage, stage_on
from tests.conftest import access_token
from tests.discord import taken_for_discord
from tests.factories import SessionFactory
from tests.server import Server, Socket
from tests.waiting import eventually


@pytest.fixture
async def stage(tmp_path: Path, settings: Settings, transactional_db: None) -> AsyncIterator[Stage]:
    """A sandbox and a connected bot, without music."""
    sandbox = Sandbox(data_dir=tmp_path / "discord", port=0)
    await sandbox.start()
    with taken_for_discord(sandbox, settings):
        async with stage_on(sandbox) as stage:
            await stage.start_bot()
            yield stage


class Person:
    """A member with a session: REST and a socket."""

    def __init__(self, session: AuthSession, server: Server) -> None:
        self.token = access_token(session)
        self.server = server
        self.http = httpx.AsyncClient(base_url=server.url, headers={"Authorization": f"Bearer {self.token}"})

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(f"/api/guilds/{LOUNGE}{path}")

    async def status(self, path: str) -> int:
        return (await self.get(path)).status_code

    async def open(self) -> Socket:
        def connect() -> Socket:
            socket = self.server.connect()
            assert socket.init(f"guild:{LOUNGE}", self.token)["type"] == "ready"
            return socket

        return await asyncio.to_thread(connect)


async def test_rights_that_are_taken_away_at_discord(stage: Stage, server: Server) -> None:
    async def enter(discord_id: str, name: str) -> Person:
        user = await stage.join_program(discord_id, name)
        return Person(await in_thread(lambda: SessionFactory.create(user=user))(), server)

    async def change(change: str, **fields: Any) -> dict[str, Any]:
        answer = await stage.http.post(f"/_sandbox/guilds/{LOUNGE}", json={"change": change, **fields})
        assert answer.status_code == 200, answer.text
        made: dict[str, Any] = answer.json()
        return made

    async def soon(condition: Callable[[], Awaitable[bool]], what: str) -> None:
        await eventually(condition, what=what)

    member, owner = await enter(MEMBER, "member"), await enter(OWNER, "owner")
    assert await member.status("/roles") == 403

    # A role with ADMINISTRATOR makes a manager, whether it is assigned or changed.
    admin = await change("add_role", name="Admins", permissions=str(ADMINISTRATOR))

    async def manages() -> bool:
        return await member.status("/roles") == 200

    async def does_not() -> bool:
        return await member.status("/roles") == 403

    await change("edit_member", user_id=MEMBER, roles=[admin["id"]])
    await soon(manages, "managing after being given the role")
    socket = await member.open()
    await change("edit_role", role_id=admin["id"], permissions="0")
    await soon(does_not, "not managing after the role was changed")
    await change("edit_role", role_id=admin["id"], permissions=str(ADMINISTRATOR))
    await soon(manages, "managing again")

    # Without the role the socket stays open, and may do what a member may do.
    clear = {"eventId": "clearing-1", "name": "ClearQueue", "args": {}}
    await change("edit_member", user_id=MEMBER, roles=[])
    await soon(does_not, "not managing without the role")
    answer = await asyncio.to_thread(socket.ask, {"type": "push", "id": 1, "events": [clear]})
    assert (answer["type"], answer["code"]) == ("error", "FORBIDDEN")
    assert (await asyncio.to_thread(socket.ask, {"type": "ping", "id": 2}))["type"] == "pong"

    # The bot's missing permissions are also known at once.
    async def lacks() -> bool:
        found = (await owner.get("/bot-permissions")).json()
        return {each["permission"] for each in found} >= {"CONNECT", "SPEAK"}

    for role_id in (LOUNGE, BOT_ROLE):  # @everyone's as well
        await change("edit_role", role_id=role_id, permissions=str(VIEW_CHANNEL))
    await soon(lacks, "the bot may neither join voice nor speak")

    # A member who is kicked loses access, on REST and on the socket.
    async def out() -> bool:
        return await member.status("") == 404

    await change("remove_member", user_id=MEMBER)
    await soon(out, "no member on REST")
    assert await asyncio.to_thread(socket.close_code) == 4403

    # Without the bot, changes are no longer noticed, and the responses say so.
    assert (await owner.get("")).json()["stale_since"] is None
    await stage.bots[0].stop()
    assert (await owner.get("")).json()["stale_since"] is not None
    assert "Stale-Since" in (await owner.get("/channels")).headers
    for person in (member, owner):
        await person.http.aclose()
