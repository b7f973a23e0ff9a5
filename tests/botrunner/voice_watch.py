"""Records the bot's voice states and requests in the sandbox, in order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.gateway_session import Session
from sandbox.model import Event
from sandbox.seed import BOT_PERMISSIONS, BOT_ROLE, LOUNGE
from sandbox.server import Sandbox
from tests.botrunner.stage import Stage


class Seats:
    """`channels`: the channel of each of the bot's voice states, None when it left. `asked`: that of each op 4."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.channels: list[str | None] = []
        self.asked: list[str | None] = []
        self._sandbox = sandbox
        self._request = sandbox.gateway.on_voice_request

    def hear(self, event: Event) -> None:
        if event.name == "VOICE_STATE_UPDATE" and event.data["user_id"] == self._sandbox.world.bot_id:
            self.channels.append(event.data["channel_id"])

    def request(self, session: Session, data: dict[str, Any]) -> None:
        self.asked.append(data["channel_id"] and str(data["channel_id"]))
        assert self._request is not None
        self._request(session, data)


@contextmanager
def watched(stage: Stage) -> Iterator[Seats]:
    seats = Seats(stage.sandbox)
    stage.sandbox.world.listeners.append(seats.hear)
    stage.sandbox.gateway.on_voice_request = seats.request
    try:
        yield seats
    finally:
        stage.sandbox.world.listeners.remove(seats.hear)
        stage.sandbox.gateway.on_voice_request = seats._request


async def edit(stage: Stage, change: str, **fields: Any) -> dict[str, Any]:
    """Change the guild's settings as a manager would."""
    answer = await stage.http.post(f"/_sandbox/guilds/{LOUNGE}", json={"change": change, **fields})
    assert answer.status_code == 200, answer.text
    shape: dict[str, Any] = answer.json()
    return shape


async def deny(stage: Stage, channel: str, bits: int) -> None:
    """Deny the bot permissions in a channel. 0 removes the denial."""
    rows = [{"id": BOT_ROLE, "type": 0, "allow": 0, "deny": bits}] if bits else []
    await edit(stage, "edit_channel", channel_id=stage.channel(channel), overwrites=rows)


async def grant(stage: Stage, bits: int) -> None:
    """Grant the bot permissions beyond those from its installation."""
    await edit(stage, "edit_role", role_id=BOT_ROLE, permissions=BOT_PERMISSIONS | bits)


async def moderate(stage: Stage, **word: bool) -> None:
    """Mute, deafen or suppress the bot."""
    answer = await stage.http.post("/_sandbox/voice-state", json={"user": "backline", **word})
    assert answer.status_code == 200, answer.text
