"""Random commands while everything fails: `python -m bench.chaos [--minutes 10] [--seed 1]`.

It runs the program with its sandbox on SQLite, with music in five guilds. Three people send random commands of the
whole registry over REST, and some slash commands. Meanwhile the sandbox drops connections, moves and kicks the bot,
closes voice, limits and delays requests. Every 20 to 40 seconds something is killed with `kill -9`: all of it while it
runs in one process, then the bot and the web while they run apart.

A command whose answer got lost is sent again with its Idempotency-Key, and so are some that were answered. At the end
(bench/load/audited.py) each log has the seqs 1 to N, the tables equal a replay of the log, what was answered is in the
log once, and no track was started that did not wait.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.latency import log_in
from bench.load.audited import audit
from bench.load.planted import plant
from bench.load.processes import ROOT
from sandbox import snowflake
from sandbox.model import Member, Role
from sandbox.seed import DJ, LOUNGE, MEMBER
from sandbox.server import Sandbox
from tests.program import free_ports

USERS = ("owner", "dj", "member")
ONE, APART = (("serve",),), (("sandbox",), ("runweb",), ("runbot",))
SLASH = ("skip", "pause", "resume", "queue", "shuffle", "undo", "redo", "previous", "nowplaying")
WRITERS, PAUSE_SECONDS = 6, 0.25
OF_THE_PROGRAM = ("DATA_DIR", "ENV_FILE", "LOG_LEVEL", "API_PORT", "BOT_API_PORT", "SANDBOX_PORT")
BROKEN = (httpx.TransportError, json.JSONDecodeError)


@dataclass
class Sent:
    """A command that was sent: by whom, to which guild, under which key; what it was answered."""

    user: str
    guild: str
    key: str
    body: dict[str, Any]
    status: int = 0
    answer: Any = None


@dataclass
class Record:
    sent: list[Sent] = field(default_factory=list)
    unsure: list[Sent] = field(default_factory=list)
    results: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Installation:
    """The program's processes, in a data folder."""

    def __init__(self, folder: Path) -> None:
        web, bot, discord = free_ports(3)
        self.web, self.sandbox = f"http://127.0.0.1:{web}", f"http://127.0.0.1:{discord}"
        self.log = folder / "program.log"
        self.env = {
            name: value
            for name, value in os.environ.items()
            if name not in ("DATABASE_URL", "REDIS_URL", "ENVIRONMENT")
        } | {
            "DATA_DIR": str(folder), "ENV_FILE": os.devnull, "LOG_LEVEL": "WARNING", "API_PORT": str(web),
            "BOT_API_PORT": str(bot), "SANDBOX_PORT": str(discord), "ACCESS_TOKEN_SECONDS": "86400",
        }  # fmt: skip
        self.guilds = [LOUNGE, *self._plant(folder, discord)]
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def _plant(self, folder: Path, port: int) -> list[str]:
        """Add four guilds to the sandbox's Discord, with the same three people and a DJ role."""
        world = Sandbox(data_dir=folder / "sandbox" / "discord", port=port).world
        if not world.load():
            from sandbox import seed

            seed.plant(world)
        guilds = plant(world, guilds=4, channels=7)
        for number, guild in enumerate(guilds):
            role = str(1_300_000_000_000_000_000 + number)
            world.roles[role] = Role(role, guild, "DJ", 0, 2)
            world.members[guild, DJ] = Member(guild, DJ, snowflake.now(), [role])
            world.members[guild, MEMBER] = Member(guild, MEMBER, snowflake.now(), [])
        world.save()
        return guilds

    def start(self, *commands: tuple[str, ...]) -> None:
        for command in commands:
            with self.log.open("ab") as output:
                self.running[command[0]] = subprocess.Popen(
                    [sys.executable, "manage.py", *command],
                    cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                )  # fmt: skip

    def kill(self, *names: str) -> None:
        """`kill -9`."""
        for name in names or tuple(self.running):
            process = self.running.pop(name)
            process.kill()
            process.wait()

    async def ready(self) -> None:
        """Wait until the web serves and the bot is connected."""
        async with httpx.AsyncClient(timeout=5) as client:
            deadline = time.monotonic() + 120
            while time.monotonic() < deadline:
                if dead := [name for name, each in self.running.items() if each.poll() is not None]:
                    raise RuntimeError(f"{dead} ended: {self.log.read_text()[-2000:]}")
                with suppress(*BROKEN):
                    state = (await client.get(f"{self.sandbox}/_sandbox/state")).json()
                    connected = any(each["connected"] for each in state["gateway"])
                    if connected and (await client.get(f"{self.web}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.2)
        raise RuntimeError(f"it did not start: {self.log.read_text()[-2000:]}")


class Chaos:
    def __init__(self, installation: Installation, rng: random.Random) -> None:
        self.installation, self.rng = installation, rng
        self.record = Record()
        self.tokens: dict[str, str] = {}
        self.http = httpx.AsyncClient(base_url=installation.web, timeout=15)
        self.discord = httpx.AsyncClient(base_url=installation.sandbox, timeout=15)
        self.worlds: dict[str, Any] = {}
        self.starts: dict[str, Any] = {}

    async def open(self) -> None:
        """Log in, and take the snapshots from which the logs are replayed."""
        from tests.queue_app.random_commands import World

        web, sandbox = self.installation.web, self.installation.sandbox
        for user in USERS:
            self.tokens[user] = await asyncio.to_thread(log_in, web, sandbox, user)
        people = [(await self.get(user, "/api/auth/me"))["id"] for user in USERS]
        while len(tracks := await self.get("owner", "/api/search?q=")) < 3:
            await asyncio.sleep(0.2)
        state = (await self.discord.get("/_sandbox/state")).json()
        for guild in self.installation.guilds:
            voice = [
                each["id"] for each in state["channels"] if each["guild_id"] == guild and each["type"] == 2
            ]
            self.worlds[guild] = World(
                uris=[track["uri"] for track in tracks[:8]],
                channels=voice,
                people=[str(each) for each in people],
            )
            while guild not in self.starts:  # until the bot has mirrored it
                with suppress(httpx.HTTPStatusError):
                    self.starts[guild] = await self.get("owner", f"/api/guilds/{guild}/snapshot")
                await asyncio.sleep(0.2)

    async def begin(self) -> None:
        """Have something play in each guild."""
        for guild, world in self.worlds.items():
            join = {"name": "JoinVoice", "args": {"channel_id": world.channels[0]}}
            add = {"name": "AddTracks", "args": {"uris": list(world.uris)}}
            for body in (join, add):
                await self.send(Sent("owner", guild, str(uuid.UUID(int=self.rng.getrandbits(128))), body))

    async def get(self, user: str, path: str) -> Any:
        answer = await self.http.get(path, headers={"Authorization": f"Bearer {self.tokens[user]}"})
        return answer.raise_for_status().json()

    async def send(self, sent: Sent) -> None:
        """Send a command, and note its answer. It is unsure whether it was carried out when there is none."""
        headers = {"Authorization": f"Bearer {self.tokens[sent.user]}", "Idempotency-Key": sent.key}
        url = f"/api/guilds/{sent.guild}/commands"
        try:
            response = await self.http.post(url, json=sent.body, headers=headers)
            answer = response.json()
        except BROKEN:
            self.record.unsure.append(sent)
            self.record.results["answer lost"] += 1
            return
        if response.status_code in (429, 502, 503, 504):  # nothing was done, or it may be asked again
            self.record.results[f"{response.status_code}"] += 1
            return
        if response.status_code >= 500:
            self.record.wrong.append(f"{response.status_code} for {sent.body}: {answer}")
        elif response.status_code >= 400:
            self.record.results[f"refused: {answer['code']}"] += 1
            if not answer["code"] or not answer["detail"]:
                self.record.wrong.append(f"refused without a reason: {answer}")
        else:
            self.record.results["carried out"] += 1
        if sent.status == 200 and (response.status_code, answer) != (sent.status, sent.answer):
            self.record.wrong.append(f"repeated {sent.body}: {sent.answer} became {answer}")
        sent.status, sent.answer = response.status_code, answer

    async def write(self) -> None:
        """Send commands until canceled."""
        from tests.queue_app.random_commands import choose_arguments, choose_name

        while True:
            guild, user = self.rng.choice(self.installation.guilds), self.rng.choice(USERS)
            with suppress(*BROKEN, httpx.HTTPStatusError):
                if self.rng.random() < 0.3:  # in between, what it names gets stale
                    self.worlds[guild].see(await self.get(user, f"/api/guilds/{guild}/snapshot"))
                if self.rng.random() < 0.08:
                    await self.type(user, guild)
                elif self.record.sent and self.rng.random() < 0.05:
                    await self.send(self.rng.choice(self.record.sent[-50:]))
                else:
                    name = choose_name(self.rng.randrange)
                    args = choose_arguments(name, self.worlds[guild], self.rng.randrange)
                    sent = Sent(
                        user,
                        guild,
                        str(uuid.UUID(int=self.rng.getrandbits(128))),
                        {"name": name, "args": args},
                    )
                    self.record.sent.append(sent)
                    await self.send(sent)
            await asyncio.sleep(self.rng.random() * 2 * PAUSE_SECONDS)

    async def type(self, user: str, guild: str) -> None:
        """Type a slash command."""
        state = (await self.discord.get("/_sandbox/state")).json()
        text = next(
            each["id"] for each in state["channels"] if each["guild_id"] == guild and each["type"] == 0
        )
        command = {"user": user, "guild_id": guild, "channel_id": text, "command": self.rng.choice(SLASH)}
        answer = await self.discord.post("/_sandbox/interactions", json=command)
        self.record.results["slash: answered" if answer.is_success else "slash: not answered"] += 1

    async def disturb(self) -> None:
        """Break something of Discord every second or so, or have people come and go."""
        while True:
            await asyncio.sleep(0.5 + self.rng.random() * 2)
            guild = self.rng.choice(self.installation.guilds)
            voice = self.worlds[guild].channels
            with suppress(*BROKEN):
                if self.rng.random() < 0.5:
                    seat = {"user": self.rng.choice(USERS), "channel_id": self.rng.choice([None, *voice])}
                    await self.discord.post("/_sandbox/voice-state", json=seat)
                    continue
                fault = self.rng.choice(FAULTS) | {"guild_id": guild, "channel_id": self.rng.choice(voice)}
                answer = await self.discord.post("/_sandbox/faults", json=fault)
                self.record.faults[fault["kind"]] += answer.is_success

    async def repeat_unsure(self) -> None:
        """Send commands again whose answers got lost. They are carried out once."""
        unsure, self.record.unsure = self.record.unsure, []
        for sent in unsure:
            await self.send(sent)
        self.record.results["sent again"] += len(unsure)

    async def run(self, minutes: float) -> None:
        self.installation.start(*ONE)
        await self.installation.ready()
        await self.open()
        await self.begin()
        end, number = time.monotonic() + minutes * 60, 0
        while time.monotonic() < end:
            tasks = [asyncio.create_task(self.write()) for _ in range(WRITERS)]
            tasks.append(asyncio.create_task(self.disturb()))
            await asyncio.sleep(min(self.rng.uniform(20, 40), max(1.0, end - time.monotonic())))
            killed = self._kill(number)
            await asyncio.sleep(self.rng.uniform(0, 3))  # while others still write
            for task in tasks:
                task.cancel()
            failed = [each for each in await asyncio.gather(*tasks, return_exceptions=True) if each]
            self.record.wrong += [
                repr(each) for each in failed if not isinstance(each, asyncio.CancelledError)
            ]
            number += 1
            self._start(number, killed)
            await self.installation.ready()
            await self.repeat_unsure()
            done = self.record.results["carried out"]
            print(
                f"{(end - time.monotonic()) / 60:6.1f} min left: killed {killed}, {done} carried out",
                flush=True,
            )
        await asyncio.sleep(3)
        await self.repeat_unsure()
        self.installation.kill()

    def _kill(self, number: int) -> str:
        """Kill everything, or the bot or the web alone where they run apart."""
        running = self.installation.running
        name = "all" if "serve" in running else ("runbot", "runweb", "all")[number % 3]
        self.record.faults[f"kill -9 {name}"] += 1
        self.installation.kill(*(() if name == "all" else (name,)))
        return name

    def _start(self, number: int, killed: str) -> None:
        if killed != "all":
            self.installation.start((killed,))
        else:
            self.installation.start(*(APART if number % 5 in (2, 3) else ONE))


FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "gateway_drop"},
    {"kind": "gateway_drop", "code": 4000},
    {"kind": "invalid_session"},
    {"kind": "invalid_session", "resumable": True},
    {"kind": "reconnect"},
    {"kind": "voice_close"},
    {"kind": "voice_close", "code": 4015},
    {"kind": "move_bot"},
    {"kind": "kick_bot"},
    {"kind": "voice_server", "seconds": 1},
    {"kind": "guild_unavailable", "seconds": 3},
    {"kind": "http_status", "status": 500, "count": 2},
    {"kind": "http_status", "status": 503, "count": 1},
    {"kind": "rate_limit", "retry_after": 0.5},
    {"kind": "latency", "ms": 700, "count": 3},
)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="backline-chaos-") as name:
        installation = Installation(Path(name))
        # Tracks' pictures have the address of the program.
        os.environ |= {key: installation.env[key] for key in OF_THE_PROGRAM}
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        import django

        django.setup()
        chaos = Chaos(installation, random.Random(options.seed))
        try:
            asyncio.run(chaos.run(options.minutes))
        finally:
            installation.kill()
        record = chaos.record
        for title, counted in (("commands", record.results), ("faults", record.faults)):
            print(f"{title}: " + ", ".join(f"{each} {count}" for each, count in counted.most_common()))
        answered = [(sent.guild, sent.key, sent.answer["seq"]) for sent in record.sent if sent.status == 200]
        wrong = record.wrong + audit(chaos.starts, answered)
        for each in wrong[:20]:
            print(f"WRONG: {each}")
        if wrong:
            print(f"the program's log ends with: {installation.log.read_text()[-3000:]}")
            raise SystemExit(f"{len(wrong)} things are wrong")
        print("All logs are whole, and the tables equal their replay. Nothing was lost or played twice.")


if __name__ == "__main__":
    main()
