"""Whatever people, Discord and crashes do: the player is heard, or it says what to do, and doing that helps."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from queue_app.player_states import SILENCES, Surface
from sandbox.seed import LOUNGE
from tests.botrunner.conftest import running_stage
from tests.botrunner.stage import Stage
from tests.waiting import eventually

ROOMS = ("Stage left", "Back room")
PEOPLE = ("owner", "dj", "member")
COMMANDS = (
    "pause", "resume", "skip", "leave", "clear", "stop", "previous", "replay", "forward", "rewind", "shuffle", "undo",
    "redo",
)  # fmt: skip
CONNECT = 1 << 20

Step = tuple[str, Any, Any]


def step(name: str, first: st.SearchStrategy[Any], second: st.SearchStrategy[Any] | None = None) -> Any:
    return st.tuples(st.just(name), first, second if second is not None else st.none())


PERSON, ROOM = st.sampled_from(PEOPLE), st.sampled_from(ROOMS)
STEPS = st.lists(
    st.one_of(
        step("type", PERSON, st.sampled_from(COMMANDS)),
        step("play", PERSON, st.sampled_from(["Long A", "Long C", "Short E"])),
        step("join", PERSON, ROOM),
        step("sit", PERSON, st.none() | ROOM),
        step("close", ROOM),
        step("fill", ROOM),
        step("open", ROOM),
        step("mute", st.booleans()),
        step("drag", ROOM),
        step("kick", st.just(None)),
        step("close_voice", st.sampled_from([4006, 4014, 4015, 4017, 4022])),
        step("drop_gateway", st.just(None)),
        step("restart", st.just(None)),
    ),
    min_size=4,
    max_size=10,
)


class Story:
    """The things that can happen on a stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def tell(self, steps: list[Step]) -> None:
        await self.begin()
        for name, first, second in steps:
            await getattr(self, f"_{name}")(*[each for each in (first, second) if each is not None])
        await self.end()

    async def begin(self) -> None:
        """Start each story the same way: channels are open, nothing is broken, and the owner hears a track."""
        for room in ROOMS:
            await self._open(room)
        for person in PEOPLE:
            await self.stage.sit(person, None)
        await self._mute(False)
        await self.stage.sit("owner", "Stage left")
        await self.stage.slash("owner", "clear")
        await self.stage.slash("owner", "join", channel="Stage left")
        await self.stage.slash("owner", "resume")
        await self.stage.slash("owner", "play", query="Long A", position="now")
        await self.heard()

    async def end(self) -> None:
        """Follow the player's instructions until it is heard."""
        if not await self.has_something():
            await self.stage.sit("owner", "Stage left")
            await self._play("owner", "Long A")
        for _ in range(6):
            reply = await self.heard_or_error()
            if reply is None:
                return
            assert SILENCES[reply].sentence
            await self.do_what_it_says(reply)
        await self.heard()

    async def do_what_it_says(self, reply: str) -> None:
        match reply:
            case "NO_VOICE_CHANNEL":
                await self._open("Stage left")
                await self.stage.sit("owner", "Stage left")
                await self.stage.slash("owner", "join", channel="Stage left")
            case "PAUSED" | "STOPPED" | "VOICE_FAILED" | "VOICE_REFUSED":
                await self._open("Stage left")
                await self.stage.sit("owner", "Stage left")
                await self.stage.slash("owner", "resume")
            case "CANNOT_CONNECT" | "CHANNEL_FULL":
                for room in ROOMS:
                    await self._open(room)
            case "SERVER_MUTED":
                await self._mute(False)
            case "BOT_AWAY" | "UNKNOWN_CHANNEL" | "NOT_ALLOWED_TO_SPEAK":
                await self.stage.slash("owner", "join", channel="Stage left")

    async def has_something(self) -> bool:
        return any(item.state in ("queued", "playing") for item in await self.stage.items())

    async def heard(self) -> None:
        assert await self.heard_or_error() is None

    async def heard_or_error(self) -> str | None:
        """Wait for sound, or for a lasting reason why there is none. Returns the reason."""
        quiet: list[str] = []

        async def settled() -> bool:
            report, player = self.stage.report(), await self.stage.player()
            if report and report.tone_hz and report.silence_ms < 200 and player.status == "playing":
                quiet.clear()
                return True
            reply = player.silence[0] if player.silence else ""
            quiet.append(reply)
            return bool(reply) and quiet[-40:] == [reply] * 40

        await eventually(settled, within=25, what="neither heard nor told")
        return quiet[-1] if quiet else None

    # --- What people do ---

    async def _type(self, person: str, command: str) -> None:
        await self.stage.slash(person, command)

    async def _play(self, person: str, title: str) -> None:
        await self.stage.slash(person, "play", query=title)

    async def _join(self, person: str, room: str) -> None:
        await self.stage.slash(person, "join", channel=room)

    async def _sit(self, person: str, room: str | None = None) -> None:
        body = {"user": person, "channel_id": self.stage.channel(room) if room else None}
        await self.stage.http.post("/_sandbox/voice-state", json=body)  # fails for a closed channel

    # --- What moderators do ---

    async def _edit(self, room: str, **change: Any) -> None:
        body = {"change": "edit_channel", "channel_id": self.stage.channel(room), **change}
        (await self.stage.http.post(f"/_sandbox/guilds/{LOUNGE}", json=body)).raise_for_status()

    async def _close(self, room: str) -> None:
        rule = {"id": LOUNGE, "type": 0, "allow": "0", "deny": str(CONNECT)}
        await self._edit(room, overwrites=[rule])

    async def _fill(self, room: str) -> None:
        await self._edit(room, user_limit=1)

    async def _open(self, room: str) -> None:
        await self._edit(room, overwrites=[], user_limit=0)

    async def _mute(self, muted: bool) -> None:
        body = {"user": self.stage.sandbox.world.bot_id, "mute": muted}
        await self.stage.http.post("/_sandbox/voice-state", json=body)  # fails while it is not in a channel

    async def _drag(self, room: str) -> None:
        await self._fault("move_bot", guild_id=LOUNGE, channel_id=self.stage.channel(room))

    async def _kick(self) -> None:
        await self._fault("kick_bot", guild_id=LOUNGE)

    # --- What breaks ---

    async def _fault(self, kind: str, **order: Any) -> None:
        await self.stage.http.post(
            "/_sandbox/faults", json={"kind": kind, **order}
        )  # fails if it does not apply

    async def _close_voice(self, code: int) -> None:
        await self._fault("voice_close", guild_id=LOUNGE, code=code)

    async def _drop_gateway(self) -> None:
        await self.stage.drop_gateway()

    async def _restart(self) -> None:
        await self.stage.bots.pop().stop()
        await self.stage.start_bot()


@pytest.mark.django_db(transaction=True)
def test_it_is_heard_or_says_what_to_do_and_doing_that_makes_it_heard(
    tmp_path: Path, library: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with asyncio.Runner() as runner:
        opening = running_stage(tmp_path, library, settings, monkeypatch)
        stage = runner.run(opening.__aenter__())
        story = Story(stage)
        try:
            runner.run(stage.start_bot())

            # The stories are the same each time (derandomized): each takes seconds, and a failure must be reproducible.
            @hypothesis_settings(
                max_examples=hypothesis_settings().max_examples // 10,
                derandomize=True,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(steps=STEPS)
            def tell(steps: list[Step]) -> None:
                runner.run(story.tell(steps))

            tell()
        finally:
            runner.run(opening.__aexit__(None, None, None))


async def test_every_command_that_leads_out_of_a_silence_can_be_typed(stage: Stage) -> None:
    await stage.start_bot()
    names = {command["name"] for command in stage.sandbox.world.commands.values()}
    typed = {"Resume": "resume", "AddTrack": "play", "JoinVoice": "join"}
    for code, silence in SILENCES.items():
        for way in silence.ways:
            assert Surface.SLASH not in way.surfaces or typed[way.command] in names, code
