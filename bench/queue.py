"""The cost of changes to the queue: `python -m bench.queue [inside] [sqlite] [postgres] [--acts 40] [--adds 300]`.

*inside*: this process calls the program's ASGI application with 10, 1,000 and 10,000 items in the queue. It measures
queries, rows returned to the program, thousands of SQLite's instructions, and CPU milliseconds of each act and of its
undo: while a track plays, while nobody is in voice, in fair order, and after an item after which 25 others were
inserted. Reference: with 10,000 items at most 1.5 times the cost with 10, and no more rows. An add takes at most 9
queries while a track plays, 10 while none does, and 8 ms.

Clearing, shuffling, removing duplicates, removing tracks of absent people, and undoing these may read the whole queue.
Reference: 1 s each, with 10,000 items. Adding 1,000 tracks at once takes at most 2 s, and 1 s if people take turns.

CPU milliseconds are those of the machine on which these bounds were set (see `Meter.measure`). The last line says how
much longer this machine took.

*sqlite*, *postgres*: the whole program, as with `make run`, over HTTP. It measures adds a second and their latency with
1 and 4 writers, CPU per add with 10 and 10,000 items, and how long a skip takes alone and right after an add.
Reference: 10 ms of CPU, 100 adds/s on SQLite and 90 on PostgreSQL with four writers, p99 100 ms.

One file over 400 lines, because both ways plant the same queue and perform the same acts.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.latency import Program, log_in, running
from bench.load.asgi import Meter, Spent, call
from bench.load.clients import Client, connect, messages, until
from bench.load.processes import ROOT, allow_files, verdict
from bench.load.requests import program
from bench.load.rows import TRACK, fill, requester

SIZES = (10, 1_000, 10_000)
GUILD = "300000000000000001"
CHANNEL = "400000000000000001"
GROWTH, ADD_MS, HTTP_MS, P99_MS = 1.5, 8.0, 10.0, 100.0
LONG_S, ADD_MANY_S, MANY, LONG_TIMES = 1.0, 2.0, 1_000, 3
QUERIES = {"playing": 9, "nobody": 10}
FEW_ROWS, FEW_STEPS = 60.0, 10_000.0  # a queue of 10 takes less, because it has fewer neighbors and people
PAGES = ("snapshot", "/queue")  # they have up to 200 and 10 items, which a queue of 10 does not fill
RATES = {("sqlite", 1): 100, ("sqlite", 4): 100, ("postgres", 4): 90}
_TICKS = os.sysconf("SC_CLK_TCK")


# --- In this process ---


class Inside:
    """A guild of the program in this process. It has a bot's lease, but no bot runs."""

    def __init__(self, token: str) -> None:
        from accounts.models import User
        from config.wake_bot import wake_bot
        from database.owners import lease_owner
        from guilds.domain.installation import ensure_guild
        from guilds.models import Channel, ChannelType, Guild, GuildSettings, Membership
        from queue_app.domain import playback
        from realtime.signals import hint_sent

        hint_sent.disconnect(wake_bot)  # no bot answers, and with `make run` it is in the same process
        self.meter = Meter()
        self.token = token
        ensure_guild(GUILD, name="Bench")
        Guild.objects.filter(pk=GUILD).update(bot_installed=True)
        Membership.objects.create(user=User.objects.get(username="bench"), guild_id=GUILD, owner=True)
        Channel.objects.create(pk=CHANNEL, guild_id=GUILD, type=ChannelType.VOICE, name="Stage")
        self._settings = GuildSettings.objects.filter(pk=GUILD)
        self.owner = lease_owner()
        assert playback.take_lease(GUILD, owner=self.owner)

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        from config.asgi import application

        return await call(application, method, f"/api/guilds/{GUILD}{path}", body, token=self.token)

    async def command(self, name: str, **args: Any) -> Any:
        """Run a command over REST. Returns its result."""
        return (await self.ask("POST", "/commands", {"name": name, "args": args}))["result"]

    async def start_next(self) -> object:
        from queue_app.domain import playback
        from realtime.db import in_thread

        return await in_thread(playback.start_next)(GUILD, owner=self.owner)

    async def listed(self) -> object:
        """Read the items that the slash command `/queue` shows."""
        from queue_app.queries import queued_items
        from realtime.db import in_thread

        return await in_thread(queued_items)(GUILD, limit=10)

    def prepare(self, count: int, *, playing: bool, fair: bool, people: int, apart: bool = False) -> None:
        from queue_app.models import ItemState, Player, QueueItem

        Player.objects.filter(pk=GUILD).update(
            item=None,
            stopped=False,
            voice_channel_id=CHANNEL if playing else None,
            connected_channel_id=CHANNEL if playing else None,
            sounding=playing,
            error_code="",
        )
        QueueItem.objects.filter(guild_id=GUILD, state=ItemState.PLAYING).update(state=ItemState.PLAYED)
        self._settings.update(fair_order=fair)
        fill(GUILD, count, people=people, apart=apart)

    def seat_one(self) -> None:
        """Put the first person who added tracks into the bot's channel."""
        from guilds.models import VoiceState

        VoiceState.objects.get_or_create(
            guild_id=GUILD, discord_id=requester(0), defaults={"channel_id": CHANNEL}
        )

    async def ids(self, limit: int) -> list[str]:
        from queue_app.domain.rank import queued
        from realtime.db import in_thread

        found = await in_thread(list)(queued(GUILD).order_by("rank").values_list("pk", flat=True)[:limit])
        return [str(pk) for pk in found]

    async def add(self) -> Any:
        return await self.ask("POST", "/queue", {"query": TRACK})

    async def acts(self, count: int, *, playing: bool) -> dict[str, Spent]:
        """Run each act `count` times, in turns, so that a slow moment of the machine affects all of them."""
        names = ["AddTrack", "MoveItem", "RemoveItem"]
        spent = {name: Spent() for each in names for name in (each, f"its undo: {each}")}
        spent["start_next"] = Spent()
        if playing:
            for each in ("Seek", "Skip", "SkipTo"):
                spent |= {each: Spent(), f"its undo: {each}": Spent()}
        spent |= {"/queue": Spent(), "snapshot": Spent()}
        measure = self.meter.measure
        await self.start_next()

        async def back_and_forth(name: str, into: dict[str, Spent], args: dict[str, Any]) -> Any:
            """Measure a command and its undo. Then redo it."""
            result = await measure(into[name], partial(self.command, name, **args))
            await measure(into[f"its undo: {name}"], partial(self.command, "Undo"))
            await self.command("Redo")
            return result

        for number in range(-2, count):  # twice to warm up
            into = spent if number >= 0 else {name: Spent() for name in spent}
            added = await back_and_forth("AddTrack", into, {"query": TRACK})
            first = await self.ids(9)
            await back_and_forth("MoveItem", into, {"item_id": added["id"], "after": first[5 + number % 2]})
            await back_and_forth("RemoveItem", into, {"item_id": added["id"]})
            if playing:
                await back_and_forth("Seek", into, {"position_ms": 1_000 * (1 + number % 9)})
                await measure(into["Skip"], partial(self.command, "Skip"))
                await measure(into["its undo: Skip"], partial(self.command, "Undo"))
                await measure(into["SkipTo"], partial(self.command, "SkipTo", item_id=first[4]))
                await measure(into["its undo: SkipTo"], partial(self.command, "Undo"))
                await self.command("Skip")
            await measure(into["start_next"], self.start_next)
            if playing:
                await self.command("AddTrack", query=TRACK)
            await measure(into["/queue"], self.listed)
            await measure(into["snapshot"], lambda: self.ask("GET", "/snapshot"))
        return spent

    async def behind_one(self, count: int) -> dict[str, Spent]:
        """Move 25 items behind the fifth one, one at a time, and then add `count` items."""
        ids = await self.ids(SIZES[0] + 40)
        spent = {"25 moves behind one": Spent(), "the dearest of them": Spent(), "AddTrack": Spent()}
        moved = itertools.cycle(ids[6:40])
        for _ in range(25):
            item = next(moved)
            move = partial(self.ask, "PATCH", f"/queue/{item}", {"after": ids[4]})
            await self.meter.measure(spent["25 moves behind one"], move)
        dearest = spent["25 moves behind one"].cpu_ms.index(max(spent["25 moves behind one"].cpu_ms))
        for name in ("queries", "rows", "steps", "cpu_ms"):
            getattr(spent["the dearest of them"], name).append(
                getattr(spent["25 moves behind one"], name)[dearest]
            )
        for _ in range(count):
            await self.meter.measure(spent["AddTrack"], self.add)
        return spent

    async def long_ones(self, size: int) -> dict[str, Spent]:
        """Run the commands that may read the whole queue, and their undo, LONG_TIMES each."""
        from realtime.db import in_thread

        spent = dict[str, Spent]()

        async def measure(title: str, name: str, **args: Any) -> None:
            for each, command in ((title, partial(self.command, name, **args)), (f"its undo: {title}", undo)):
                await self.meter.measure(spent.setdefault(each, Spent()), command)

        undo = partial(self.command, "Undo")
        prepare, seat_one = in_thread(self.prepare), in_thread(self.seat_one)
        for _ in range(LONG_TIMES):
            # Every second item is a duplicate or an absent person's, so the removed items are not neighbors.
            await prepare(size, playing=True, fair=False, people=2, apart=True)
            await seat_one()
            for name in ("ClearQueue", "ShuffleQueue", "RemoveDuplicates", "RemoveAbsent"):
                await measure(name, name)
            await measure("AddTracks", "AddTracks", uris=[TRACK] * MANY, position="next")
            await prepare(size, playing=True, fair=True, people=40)
            await measure("AddTracks by turns", "AddTracks", uris=[TRACK] * MANY)
        return spent


def show(title: str, by_size: dict[int, dict[str, Spent]], *, gate: bool = True) -> None:
    print(f"\n{title}")
    print(f"{'':<22}" + "".join(f"{size:>12,} waiting: q  rows ksteps    ms" for size in by_size))
    for act in next(iter(by_size.values())):
        costs = [costs[act] for costs in by_size.values()]
        line = "".join(
            f"{statistics.median_high(each.queries):>23}{statistics.mean(each.rows):>6.0f}"
            f"{statistics.mean(each.steps) / 1000:>7.1f}{each.median_ms:>6.1f}"
            for each in costs
        )
        shortest = costs[act in PAGES]
        growth = costs[-1].median_ms / shortest.median_ms
        rows = statistics.mean(costs[-1].rows) / max(FEW_ROWS, statistics.mean(shortest.rows))
        steps = statistics.mean(costs[-1].steps) / max(FEW_STEPS, statistics.mean(shortest.steps))
        missed = gate and max(growth, rows, steps) > GROWTH
        print(f"{act:<22}{line}   ×{growth:.2f}{'   MISSED' if missed else ''}")


def measure_inside(acts: int) -> None:
    situations: dict[str, dict[str, Any]] = {
        "A track plays": {"playing": True, "fair": False, "people": 1},
        "Nobody in voice": {"playing": False, "fair": False, "people": 1},
        "A track plays, fair order, 40 people": {"playing": True, "fair": True, "people": 40},
    }
    with program() as token:
        inside = Inside(token)
        for title, situation in situations.items():
            found = {}
            for size in SIZES:
                inside.prepare(size, **situation)
                found[size] = asyncio.run(inside.acts(acts, playing=situation["playing"]))
            show(title, found)
            adds = [found[size]["AddTrack"] for size in SIZES]
            state = "playing" if situation["playing"] else "nobody"
            if not situation["fair"]:
                queries = max(statistics.median_high(each.queries) for each in adds)
                verdict(
                    f"queries of an add: {queries}", f"at most {QUERIES[state]}", queries <= QUERIES[state]
                )
                dearest = max(each.median_ms for each in adds)
                verdict(f"CPU of an add: {dearest:.1f} ms", f"at most {ADD_MS:.0f}", dearest <= ADD_MS)
        found = {}
        for size in (50, *SIZES[1:]):
            inside.prepare(size, playing=True, fair=False, people=1)
            found[size] = asyncio.run(inside.behind_one(acts))
        show("Behind an item that others were moved behind", found)
        long = dict[int, dict[str, Spent]]()
        for size in SIZES:
            long[size] = asyncio.run(inside.long_ones(size))
        show("May grow", long, gate=False)
        for name, spent in long[SIZES[-1]].items():
            seconds, most = spent.median_ms / 1000, ADD_MANY_S if name == "AddTracks" else LONG_S
            verdict(f"{name}: {seconds:.2f} s of CPU", f"at most {most:.0f} s", seconds <= most)
        print(f"\nThis machine took {statistics.median(inside.meter.paces):.1f} times as long.")


# --- The whole program ---


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


def cpu_of(pid: int) -> float:
    """Return seconds of user and system time of a process, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


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


@contextmanager
def postgres() -> Iterator[str]:
    """Run PostgreSQL as the tests do. Yields the database's URL."""
    from tests.services import start_postgres

    with tempfile.TemporaryDirectory(prefix="backline-bench-") as folder:
        yield start_postgres(Path(folder))


def measure_whole(database: str, adds: int) -> None:
    with ExitStack() as stack:
        env = {"DATABASE_URL": stack.enter_context(postgres())} if database == "postgres" else {}
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


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], "inside", "sqlite", "postgres"])
    parser.add_argument("--acts", type=int, default=40)
    parser.add_argument("--adds", type=int, default=300)
    options = parser.parse_args(argv)
    parts = options.parts or ["inside", "sqlite", "postgres"]
    allow_files()
    os.environ["QUEUE_MAX_ITEMS"] = str(2 * SIZES[-1])
    for part in ("sqlite", "postgres"):
        if part in parts:
            measure_whole(part, options.adds)
    if "inside" in parts:
        measure_inside(options.acts)


if __name__ == "__main__":
    main()
