"""The queue's costs in this process: queries, rows, instructions and CPU of each act."""

from __future__ import annotations

import asyncio
import itertools
import statistics
from functools import partial
from typing import Any

from bench.load.asgi import Meter, Spent, call
from bench.load.processes import verdict
from bench.load.requests import program
from bench.load.rows import TRACK, fill, requester

SIZES = (10, 1_000, 10_000)
GUILD = "300000000000000001"
CHANNEL = "400000000000000001"
GROWTH, ADD_MS = 1.5, 8.0
LONG_S, ADD_MANY_S, MANY, LONG_TIMES = 1.0, 2.0, 1_000, 3
QUERIES = {"playing": 9, "nobody": 10}
FEW_ROWS, FEW_STEPS = 60.0, 10_000.0  # a queue of 10 takes less, because it has fewer neighbors and people
PAGES = ("snapshot", "/queue")  # they have up to 200 and 10 items, which a queue of 10 does not fill


class Inside:
    """A guild of the program in this process. It has a bot's lease, but no bot runs."""

    def __init__(self, token: str) -> None:
        from accounts.models import User
        from config.wake_bot import wake_bot
        from database.owners import lease_owner
        from guilds.choices import ChannelType
        from guilds.domain.installation import ensure_guild
        from guilds.models import Channel, Guild, GuildSettings, Membership
        from queue_app.domain import pace, playback
        from realtime.signals import hint_sent

        pace.BURST = 1e9  # one person changes more tracks here than is allowed
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
        from queue_app.domain import pace
        from realtime.db import in_thread

        pace.BURST = float("inf")  # nobody runs so many of them at once
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
