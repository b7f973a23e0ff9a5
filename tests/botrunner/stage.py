"""A sandbox, its people's actions, and real bots on the test's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from accounts.models import User
from botrunner.shards import Shards, run_bot
from guilds.models import Membership
from library.domain.scan import scan_library
from queue_app.commands import execute
from queue_app.models import Player, QueueItem
from queue_app.queries import load_player
from realtime.db import in_thread
from realtime.models import Via
from realtime.origin import Origin
from sandbox.seed import LOUNGE
from sandbox.server import Sandbox
from sandbox.voice.server import VoiceReport
from tests.factories import MembershipFactory, UserFactory
from tests.waiting import eventually

WAIT_SECONDS = 15.0


class RunningBot:
    def __init__(self, shards: Shards | None = None) -> None:
        self._stop = asyncio.Event()
        self.task = asyncio.create_task(run_bot(self._stop, shards))

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.wait_for(self.task, 10)


class Stage:
    """One guild, the Lounge, as tests observe and change it."""

    guild_id = LOUNGE

    def __init__(self, sandbox: Sandbox, http: httpx.AsyncClient) -> None:
        self.sandbox = sandbox
        self.http = http
        self.bots: list[RunningBot] = []

    # --- Bots ---

    async def start_bot(self) -> RunningBot:
        """Start a bot and wait until it or another bot has the Lounge's lease."""
        bot = RunningBot()
        self.bots.append(bot)
        sessions = sum(not each.task.done() for each in self.bots)
        await eventually(
            lambda: self.sandbox.world.commands and len(self.sandbox.gateway.sessions) >= sessions
        )
        await eventually(self.leased, what="no bot took the guild")
        return bot

    async def leased(self) -> bool:
        return (await self.player()).leased

    # --- People ---

    def channel(self, name: str) -> str:
        return next(each.id for each in self.sandbox.world.guild_channels(self.guild_id) if each.name == name)

    async def sit(self, user: str, channel: str | None) -> None:
        body = {"user": user, "channel_id": self.channel(channel) if channel else None}
        (await self.http.post("/_sandbox/voice-state", json=body)).raise_for_status()

    async def slash(self, user: str, command: str, **options: Any) -> dict[str, Any]:
        """Use a slash command in #music. Returns the bot's message, or `{}` if the sandbox refused."""
        body = {"user": user, "guild_id": self.guild_id, "channel_id": self.channel("music")}
        answer = await self.http.post(
            "/_sandbox/interactions", json=body | {"command": command, "options": options}
        )
        answer.raise_for_status()
        message: dict[str, Any] = answer.json()
        return message

    async def suggestions(self, user: str, command: str, option: str, typed: str) -> dict[str, str]:
        """Return what the bot suggests for an option while somebody types: values by name."""
        body = {"user": user, "guild_id": self.guild_id, "channel_id": self.channel("music")}
        answer = await self.http.post(
            "/_sandbox/autocomplete",
            json=body | {"command": command, "options": {option: typed}, "autocomplete": option},
        )
        answer.raise_for_status()
        choices: list[dict[str, str]] = answer.json()["choices"]
        suggested = {choice["name"]: choice["value"] for choice in choices}
        assert len(suggested) == len(choices)
        return suggested

    async def reported_failure(self, user: str) -> str:
        """Wait until the bot tells one person only that their track cannot be played. Returns why."""
        me = next(each.id for each in self.sandbox.world.users.values() if each.username == user)

        def notice() -> str:
            messages = self.sandbox.world.channel_messages(self.channel("music"))
            embeds = [embed for message in messages if message.only_user_id == me for embed in message.embeds]
            failed = [embed for embed in embeds if embed.get("title") == "Could not be played"]
            return failed[-1]["footer"]["text"] if failed else ""

        reply: str = await eventually(notice, what=f"{user} was not told")
        return reply

    async def fault(self, kind: str, **order: Any) -> None:
        answer = await self.http.post("/_sandbox/faults", json={"kind": kind, **order})
        assert answer.status_code == 200, answer.text

    async def drop_gateway(self, **order: Any) -> None:
        """Drop the bots' connections, and wait until one is connected again: until then, nobody answers commands."""
        before = set(self.sandbox.gateway.connections)
        await self.fault("gateway_drop", **order)

        def connected_again() -> bool:
            return any(each.session for each in self.sandbox.gateway.connections - before)

        await eventually(connected_again, what="no bot connected again")

    # --- What is heard and stored ---

    def report(self) -> VoiceReport | None:
        return next((each for each in self.sandbox.voice.sessions() if each.guild_id == self.guild_id), None)

    async def hear(
        self, hz: float, *, channel: str = "", seconds: float = WAIT_SECONDS, after: int = 0
    ) -> VoiceReport:
        """Wait for a tone, within one hertz, after so many frames, and in the channel of that name if given."""

        def heard() -> VoiceReport | None:
            report = self.report()
            if channel and report and report.channel_id != self.channel(channel):
                return None
            if report and report.tone_hz and report.frames_received > after and report.silence_ms < 200:
                return report if abs(report.tone_hz - hz) <= 1 else None
            return None

        found: VoiceReport = await eventually(heard, within=seconds, what=f"{hz} Hz; last: {self.report()}")
        return found

    async def silence(self, milliseconds: int = 500) -> None:
        await eventually(lambda: (report := self.report()) is None or report.silence_ms >= milliseconds)

    async def player(self) -> Player:
        player: Player = await in_thread(load_player)(self.guild_id)
        return player

    async def status(self, wanted: str, *, seconds: float = WAIT_SECONDS) -> Player:
        """Wait for the player to have that status."""
        last: list[Player] = []

        async def so() -> Player | None:
            last[:] = [await self.player()]
            return last[0] if last[0].status == wanted else None

        try:
            found: Player = await eventually(so, within=seconds)
        except AssertionError as error:
            reply = (last[0].status, last[0].error_code, last[0].item_id, last[0].connected_channel_id)
            raise AssertionError(f"not {wanted} after {seconds} s but {reply}") from error
        return found

    async def items(self) -> list[QueueItem]:
        """Return every item that was ever added, oldest first."""

        def read() -> list[QueueItem]:
            found = QueueItem.objects.filter(guild_id=self.guild_id).select_related("track", "requested_by")
            return list(found.order_by("added_at"))

        listed: list[QueueItem] = await in_thread(read)()
        return listed

    async def item(self, item_id: str) -> QueueItem:
        return next(item for item in await self.items() if str(item.pk) == item_id)

    async def settled(self, item_id: str, state: str) -> QueueItem:
        """Wait for an item to have that state."""

        async def so() -> QueueItem | None:
            item = await self.item(item_id)
            return item if item.state == state else None

        found: QueueItem = await eventually(so, what=f"item {item_id} never became {state}")
        return found

    # --- The web's side, without a browser ---

    async def join_program(self, discord_id: str, username: str) -> User:
        """Create a person as after a login: a user and a membership of the Lounge."""

        def make() -> User:
            user = User.objects.filter(discord_id=discord_id).first()
            user = user or UserFactory.create(discord_id=discord_id, username=username)
            if not Membership.objects.filter(user=user, guild_id=LOUNGE).exists():
                MembershipFactory.create(user=user, guild_id=LOUNGE, guild=None)
            return user

        made: User = await in_thread(make)()
        return made

    async def do(self, user: User, command: str, **args: Any) -> Any:
        """Carry out a command as REST does."""
        run = in_thread(execute)
        return (await run(self.guild_id, command, args, origin=Origin(user=user, via=Via.REST))).result

    async def scan(self) -> None:
        await in_thread(scan_library)()


@asynccontextmanager
async def stage_on(sandbox: Sandbox) -> AsyncIterator[Stage]:
    """Yield the stage of a started sandbox. Afterwards stop its bots and the sandbox."""
    async with httpx.AsyncClient(base_url=sandbox.url, timeout=20) as http:
        stage = Stage(sandbox, http)
        try:
            yield stage
        finally:
            for bot in stage.bots:
                await bot.stop()
            await sandbox.stop()
