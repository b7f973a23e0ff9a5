"""One bot on one sandbox: sends it commands as a user, and checks what it did."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from bench.clients.libraries import Library
from bench.clients.tone import write_tone
from bench.load.clients import until
from sandbox import permissions
from sandbox.model import Message
from sandbox.seed import BOT_ROLE, LOUNGE, MEMBER
from sandbox.server import Sandbox

TONE_HZ, TONE_SECONDS = 440.0, 60
READY_SECONDS, STEP_SECONDS = 40.0, 25.0
HEARD_FRAMES = 75  # 1.5 s. The tone is measured in the last second of it


class Failed(Exception):
    """A step failed. The message says how."""


class Stage:
    """One run of a bot. `log` has the lines that it printed."""

    def __init__(
        self, sandbox: Sandbox, http: httpx.AsyncClient, process: asyncio.subprocess.Process
    ) -> None:
        self.sandbox = sandbox
        self.http = http
        self.process = process
        self.log: list[str] = []
        self.is_ready = asyncio.Event()

    async def read_log(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.log.append(line.decode(errors="replace").rstrip())
            if self.log[-1] == "ready":
                self.is_ready.set()
        self.is_ready.set()

    # -- the steps

    async def ready(self) -> None:
        async with asyncio.timeout(READY_SECONDS):
            await self.is_ready.wait()
        if "ready" not in self.log:
            raise Failed("the program ended")

    async def post(self) -> None:
        """Check the response to a slash command, and a message with a file, an embed and a reaction."""
        await self._ask("post", "posted")
        message = self._message()
        if [embed["title"] for embed in message.embeds] != ["Now playing"]:
            raise Failed(f"embeds are {message.embeds}")
        if [file["filename"] for file in message.attachments] != ["tone.ogg"]:
            raise Failed(f"files are {message.attachments}")
        url = self.sandbox.world.links.sign(message.attachments[0]["url"])
        if not (await self.http.get(url)).content.startswith(b"OggS"):
            raise Failed("the file is not what was sent")
        reactions = [(each.name, each.user_ids) for each in message.reactions]
        if reactions != [("🎵", [self.sandbox.world.bot_id])]:
            raise Failed(f"reactions are {reactions}")

    async def tour(self) -> None:
        """Check other REST requests. The bot's program itself checks the responses."""
        await self._ask("tour", "toured")
        world, message = self.sandbox.world, self._message()
        nicks = [world.members[LOUNGE, user_id].nick for user_id in (world.bot_id, MEMBER)]
        if (nicks, message.content) != (["Jukebox", "In"], "No tone"):
            raise Failed(f"nicknames are {nicks}, the message is {message.content!r}")
        if message.attachments or message.reactions or message.pinned_at:
            raise Failed("the message still has its file, a reaction or a pin")

    async def join(self) -> None:
        await self._ask("join", "joined")
        await self._hear("Stage left")

    async def move(self) -> None:
        """Move, within seconds of connecting, to a channel with another user in it."""
        seat = {"user": "dj", "channel_id": self.channel_id("Back room")}
        (await self.http.post("/_sandbox/voice-state", json=seat)).raise_for_status()
        await self._ask("move", "moved")
        await self._hear("Back room")

    async def leave(self) -> None:
        await self._ask("leave", "left")
        await self._until(lambda: self._bot_channel() is None, "the bot is still in voice")

    # -- acting and checking

    def channel_id(self, name: str) -> str:
        return next(each.id for each in self.sandbox.world.guild_channels(LOUNGE) if each.name == name)

    async def _ask(self, what: str, expected: str) -> None:
        """Use `/act what`, and wait until the response is `expected`."""
        order = {
            "user": "owner",
            "guild_id": LOUNGE,
            "channel_id": self.channel_id("general"),
            "command": "act",
            "options": {"what": what},
            "timeout": STEP_SECONDS,
        }
        reply = await self.http.post("/_sandbox/interactions", json=order, timeout=STEP_SECONDS + 5)
        body = reply.json()
        if reply.status_code != 200:
            raise Failed(body["detail"])
        message_id = body["id"]

        def content() -> str | None:
            message = self.sandbox.world.messages.get(message_id)
            return message.content if message else None

        await self._until(lambda: content() == expected, f"the reply to /act {what} is not {expected!r}")

    def _message(self) -> Message:
        """Return the message that the bot sent outside an interaction."""
        own = [
            each
            for each in self.sandbox.world.messages.values()
            if each.interaction is None and not each.type
        ]
        if not own:
            raise Failed("the bot has sent no message")
        return own[0]

    def _bot_channel(self) -> str | None:
        state = self.sandbox.world.voice_states.get((LOUNGE, self.sandbox.world.bot_id))
        return state.channel_id if state else None

    async def _hear(self, name: str) -> None:
        channel_id = self.channel_id(name)

        def heard() -> bool:
            return any(
                report.channel_id == channel_id == self._bot_channel()
                and report.dave == 1
                and report.frames_received - report.frames_plain > HEARD_FRAMES
                and report.tone_hz is not None
                and abs(report.tone_hz - TONE_HZ) < 2
                for report in self.sandbox.voice.sessions()
            )

        await self._until(heard, f"no end-to-end encrypted tone in {name}: {self.sandbox.voice.sessions()}")

    async def _until(self, condition: Callable[[], bool], otherwise: str) -> None:
        def settled() -> bool:
            return self.process.returncode is not None or condition()

        try:
            await until(settled, seconds=STEP_SECONDS)
        except TimeoutError:
            raise Failed(otherwise) from None
        if self.process.returncode is not None:
            raise Failed("the program ended")


def steps(library: Library) -> dict[str, Callable[[Stage], Awaitable[None]]]:
    """Return the steps for a library by their name in the table."""
    found: dict[str, Callable[[Stage], Awaitable[None]]] = {
        "ready": Stage.ready,
        "post": Stage.post,
        "tour": Stage.tour,
    }
    if library.voice:
        found |= {"heard": Stage.join, "moved": Stage.move, "left": Stage.leave}
    return found


@contextlib.asynccontextmanager
async def perform(library: Library, sandbox: Sandbox, folder: Path) -> AsyncIterator[Stage]:
    """Run the library's bot as an administrator of the sandbox's guild."""
    sandbox.world.roles[BOT_ROLE].permissions |= permissions.ADMINISTRATOR
    tone = folder / "tone.ogg"
    write_tone(tone, hz=TONE_HZ, seconds=TONE_SECONDS)
    channels = {each.name: each.id for each in sandbox.world.guild_channels(LOUNGE)}
    settings = {
        "API_URL": sandbox.api_url,
        "GATEWAY_URL": sandbox.gateway_url,
        "BOT_TOKEN": sandbox.credentials.bot_token,
        "SSL_CERT_FILE": str(sandbox.ca_file),  # for Python, and below for Node
        "NODE_EXTRA_CA_CERTS": str(sandbox.ca_file),
        "GUILD_ID": LOUNGE,
        "MEMBER_ID": MEMBER,
        "FIRST_ID": channels["Stage left"],
        "SECOND_ID": channels["Back room"],
        "TONE": str(tone),
    }
    process = await asyncio.create_subprocess_exec(
        *library.command(),
        env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder), **settings},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with httpx.AsyncClient(base_url=sandbox.url, timeout=30) as http:
        stage = Stage(sandbox, http, process)
        reading = asyncio.create_task(stage.read_log())
        try:
            yield stage
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await reading


type Results = dict[str, Any]


async def run(library: Library, sandbox: Sandbox, folder: Path) -> Results:
    """Run all steps until one fails. Returns, by the step's name, None or the reason for the failure.

    The result also has `requests` (the number of REST requests), `refused` (those with a status of 400 or more), and
    `log`.
    """
    answers: list[str] = []
    sandbox.observers.append(lambda method, path, status, body: answers.append(f"{status} {method} {path}"))
    results: Results = {}
    async with perform(library, sandbox, folder) as stage:
        for name, step in steps(library).items():
            try:
                await step(stage)
                results[name] = None
            except (Failed, TimeoutError, httpx.HTTPError) as error:
                results[name] = str(error) or type(error).__name__
                break
    refused = [*(each for each in answers if each[0] not in "23"), *sandbox.unserved]
    return results | {"requests": len(answers), "refused": refused, "log": stage.log}
