"""The queue's costs in the whole program, over HTTP."""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from typing import Any

from bench.latency import Program, log_in, running
from bench.load.clients import Client, connect, messages, until
from bench.load.databases import postgres
from bench.load.processes import ROOT, cpu_of, verdict

HTTP_MS, P99_MS = 10.0, 100.0
RATES = {("sqlite", 1): 100, ("sqlite", 4): 100, ("postgres", 4): 90}


class Poster:
    """A minimal HTTP client on one persistent connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer, self._token = reader, writer, token

    @classmethod
    async def open(cls, port: int, token: str) -> Poster:
        return cls(*await asyncio.open_connection("127.0.0.1", port), token)

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        content = b"" if body is None else json.dumps(body).encode()
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        lines = head.decode().lower().split("\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith("content-length:")), 0)
        answer = await self._reader.readexactly(length)
        if lines[0].split()[1][0] != "2":
            raise RuntimeError(f"{method} {path}: {lines[0]} {answer!r}")
        return json.loads(answer) if answer else None

    def close(self) -> None:
        self._writer.close()


class Whole:
    """The running program, its guild, and users who add to the queue."""

    def __init__(self, running: Program) -> None:
        self.program = running
        self.port = int(running.web.rpartition(":")[2])
        # Until the bot is connected, the guild does not appear in its manager's list. `_find` waits for it.
        self.tokens = {name: log_in(running.web, running.sandbox, name) for name in ("owner", "dj", "member")}
        self.guild, self.track = asyncio.run(self._find())
        self.queue = f"/api/guilds/{self.guild}/queue"

    async def _find(self) -> tuple[str, str]:
        """Wait for the bot and the library. Returns the guild's id, and the uri of a playable track."""
        poster = await Poster.open(self.port, self.tokens["owner"])
        try:
            while True:
                guilds = [
                    each["id"] for each in await poster.ask("GET", "/api/guilds") if each["bot_installed"]
                ]
                tracks = await poster.ask("GET", "/api/search?q=")
                if guilds and tracks:
                    return guilds[0], max(tracks, key=lambda track: track["duration_ms"])["uri"]
                await asyncio.sleep(0.1)
        finally:
            poster.close()

    def fill(self, count: int) -> None:
        subprocess.run(
            [sys.executable, "-m", "bench.load.rows", self.guild, str(count)],
            cwd=ROOT,
            env=self.program.env,
            check=True,
        )

    async def add(self, writers: int, adds: int, *, who: str = "owner") -> tuple[float, list[float]]:
        """Add tracks with `writers` clients at full speed. Returns adds a second, and latencies in ms, ascending."""
        posters = [await Poster.open(self.port, self.tokens[who]) for _ in range(writers)]
        taken: list[float] = []

        async def write(poster: Poster, count: int) -> None:
            for _ in range(count):
                begun = time.perf_counter()
                await poster.ask("POST", self.queue, {"query": self.track})
                taken.append((time.perf_counter() - begun) * 1000)

        await write(posters[0], 10)
        taken.clear()
        begun = time.perf_counter()
        await asyncio.gather(*(write(poster, adds // writers) for poster in posters))
        rate = len(taken) / (time.perf_counter() - begun)
        for poster in posters:
            poster.close()
        return rate, sorted(taken)

    async def cpu(self, adds: int) -> float:
        """Return the program's CPU milliseconds per add, without its idle CPU."""
        before, begun = cpu_of(self.program.pid), time.monotonic()
        await asyncio.sleep(3)
        idle = (cpu_of(self.program.pid) - before) / (time.monotonic() - begun)
        before, begun = cpu_of(self.program.pid), time.monotonic()
        await self.add(1, adds)
        await asyncio.sleep(0.5)  # for the bot's reaction to the last ones
        spent = cpu_of(self.program.pid) - before - idle * (time.monotonic() - begun)
        return spent * 1000 / (adds + 10)

    async def skips(self, count: int, *, behind_add: bool) -> float:
        """Return the median time in ms from the request to skip until the next track starts."""
        poster = await Poster.open(self.port, self.tokens["owner"])
        client = await connect(self.port, "/sync", [f"Authorization: Bearer {self.tokens['owner']}"])
        started: list[float] = []
        await _follow(client, self.guild, started)
        taken = []
        for _ in range(count):
            seen = len(started)
            if behind_add:
                await poster.ask("POST", self.queue, {"query": self.track})
            begun = time.perf_counter()
            await poster.ask("POST", f"/api/guilds/{self.guild}/player/skip")
            await until(partial(lambda seen: len(started) > seen, seen))
            taken.append((started[seen] - begun) * 1000)
            await asyncio.sleep(0.3)  # until the track plays and the program is idle
        poster.close()
        client.transport.abort()
        return statistics.median(taken)

    async def play(self) -> None:
        poster = await Poster.open(self.port, self.tokens["member"])  # the user who is in a voice channel
        for _ in range(3):
            await poster.ask("POST", self.queue, {"query": self.track})
        while (await poster.ask("GET", f"/api/guilds/{self.guild}/player"))["item"] is None:
            await asyncio.sleep(0.1)
        poster.close()


async def _follow(client: Client, guild: str, started: list[float]) -> None:
    """Follow the guild, and add the time of each `TrackStarted` to `started`."""
    heads: list[int] = []
    client.on_message = lambda payload: heads.append(json.loads(payload)["head"])
    client.send(json.dumps({"type": "init", "id": 1, "instanceId": f"guild:{guild}"}))
    await messages(client, 1)

    def note(payload: bytes) -> None:
        started.extend([time.perf_counter()] * payload.count(b'"name":"TrackStarted"'))

    client.on_message = note
    client.send(json.dumps({"type": "pull", "id": 2, "cursor": heads[0], "live": True}))
    await messages(client, 2)


def measure_whole(database: str, adds: int) -> None:
    with ExitStack() as stack:
        env = {"DATABASE_URL": stack.enter_context(postgres())[0]} if database == "postgres" else {}
        whole = Whole(stack.enter_context(running(LOG_LEVEL="ERROR", **env)))
        print(f"\nThe whole program, {database}")
        for size in (10, 10_000):
            whole.fill(size)
            spent = asyncio.run(whole.cpu(adds))
            what = f"nobody in voice, {size:>6,} waiting: CPU of an add {spent:5.1f} ms"
            verdict(what, f"at most {HTTP_MS:.0f}", spent <= HTTP_MS)
        for writers in (1, 4):
            whole.fill(10)
            rate, taken = asyncio.run(whole.add(writers, adds))
            p99 = taken[int(len(taken) * 0.99) - 1]
            median = statistics.median(taken)
            what = f"{writers} writers: {rate:5.0f} adds/s   median {median:6.1f} ms   p99 {p99:6.1f} ms"
            wanted = RATES.get((database, writers), 0)
            held = rate >= wanted and p99 <= P99_MS
            verdict(what, f"{wanted}/s, p99 {P99_MS:.0f} ms" if wanted else f"p99 {P99_MS:.0f} ms", held)
        whole.fill(0)
        asyncio.run(whole.play())
        whole.fill(100)
        alone = asyncio.run(whole.skips(15, behind_add=False))
        behind = asyncio.run(whole.skips(15, behind_add=True))
        verdict(
            f"a skip until the next track starts: {alone:.0f} ms, right behind an add {behind:.0f} ms",
            "no later than alone by more than 30 ms",
            behind <= alone + 30,
        )
        whole.fill(10)
        spent = asyncio.run(whole.cpu(adds))
        verdict(f"a track plays: CPU of an add {spent:5.1f} ms", f"at most {HTTP_MS:.0f}", spent <= HTTP_MS)
