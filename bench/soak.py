"""Memory of a busy `serve`: `python -m bench.soak [--minutes 6] [--warm-up 2] [--trace] [--once]`.

It runs one `manage.py serve` with its sandbox on SQLite, and simulates people, devices and bots that use all of it
(bench/load/people.py): logins, pages, REST, voice, slash commands, small and large pushes, slow readers, frames, and
LiveStore. It prints resident memory, malloc's used and unused memory, and the size of the sandbox's objects.

Reference: after the warm-up, resident memory grows by at most 5 %, comparing the medians of the first and second half.
With `--trace`, it also prints which lines of code hold more memory than at first. Tracing itself costs time and
memory. With `--once`, each habit runs once, with short pauses, and none may fail.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from bench.load.clients import until
from bench.load.people import HABITS, STREAM, USERS, Site
from bench.load.processes import ServerProcess, server, verdict
from tests.program import free_ports

MOST_GROWTH = 1.05
MEGABYTE = 1_000_000
LOOKS = 20  # the least number of measurements


async def keep(
    site: Site, habit: Callable[[Site], Awaitable[None]], pause: float, done: Counter[str]
) -> None:
    """Repeat a habit until canceled. Failures are only counted, because a busy server sometimes refuses."""
    while True:
        try:
            await habit(site)
            done[habit.__name__] += 1
        except Exception as error:
            done[f"{habit.__name__}: {type(error).__name__}"] += 1
        await asyncio.sleep(pause)


def show(minutes: float, seen: dict[str, Any]) -> None:
    malloc = seen["malloc"]
    print(
        f"{minutes:6.1f} min   {seen['rss'] / MEGABYTE:6.0f} MB resident   "
        f"malloc {malloc.get('used', 0) / MEGABYTE:5.0f} MB used, {malloc.get('unused', 0) / MEGABYTE:5.0f} unused   "
        f"sandbox {seen['sandbox'] / MEGABYTE:5.1f} MB   {seen['objects']:7d} objects   {seen['threads']:3d} threads",
        flush=True,
    )


def show_traced(seen: dict[str, Any]) -> None:
    print(
        "by folder: " + ", ".join(f"{name} {size / MEGABYTE:.1f} MB" for name, size in seen["traced"].items())
    )
    for line in seen["grown"]:
        print(f"  {line}", flush=True)


async def do_each_once(running: ServerProcess, site: Site) -> bool:
    """Run every habit once. Returns whether all succeeded."""
    await prepare(site)
    results = await asyncio.gather(*(habit(site) for habit in HABITS), return_exceptions=True)
    for habit, result in zip(HABITS, results, strict=True):
        print(f"{habit.__name__}: {'done' if result is None else repr(result)}")
    show(0.0, await asyncio.to_thread(running.ask, "look"))
    return all(result is None for result in results)


async def prepare(site: Site) -> None:
    for user in USERS:
        await site.stay(user)
    await site.rest("owner", "POST", "/api/streams", {"id": STREAM, "public": True})


async def soak(running: ServerProcess, site: Site, *, minutes: float, warm_up: float) -> bool:
    """Run all habits and measure memory. Returns whether its growth is within the reference."""
    await prepare(site)
    done: Counter[str] = Counter()
    habits = [asyncio.create_task(keep(site, habit, pause, done)) for habit, pause in HABITS.items()]
    begun, seen = time.monotonic(), dict[float, dict[str, Any]]()
    every = max(1.0, (minutes + warm_up) * 60 / LOOKS)
    try:
        while (passed := (time.monotonic() - begun) / 60) < minutes + warm_up:
            await asyncio.sleep(min(every, 60.0))
            passed = (time.monotonic() - begun) / 60
            if passed < warm_up:
                show(passed, await asyncio.to_thread(running.ask, "look warm"))
                continue
            seen[passed] = await asyncio.to_thread(running.ask, "look")
            show(passed, seen[passed])
    finally:
        for task in habits:
            task.cancel()
        await asyncio.gather(*habits, return_exceptions=True)
    await asyncio.sleep(3.0)
    idle = await asyncio.to_thread(running.ask, "look")
    print("afterwards, without load:")
    show((time.monotonic() - begun) / 60, idle)
    if "grown" in idle:
        show_traced(idle)
    print(", ".join(f"{name} {count}" for name, count in sorted(done.items())))
    resident = [each["rss"] for each in seen.values()]
    half = max(1, len(resident) // 2)
    growth = statistics.median(resident[-half:]) / statistics.median(resident[:half])
    held = bool(growth <= MOST_GROWTH)
    verdict(f"resident memory after warm-up × {growth:.3f}", f"at most × {MOST_GROWTH}", held)
    return held


async def run(options: argparse.Namespace) -> bool:
    web, bot, sandbox = free_ports(3)
    with tempfile.TemporaryDirectory(prefix="backline-soak-") as folder:
        env = {
            "DATA_DIR": folder, "ENV_FILE": os.devnull, "LOG_LEVEL": "ERROR", "API_PORT": str(web),
            "BOT_API_PORT": str(bot), "SANDBOX_PORT": str(sandbox), "ACCESS_TOKEN_SECONDS": "86400",
        }  # fmt: skip
        command = [sys.executable, "-m", "bench.load.watched", *(["--trace"] if options.trace else [])]
        with server(command, env=env) as running:
            site = Site(web, sandbox, pace=0.1 if options.once else 1.0)
            async with site.http, site.discord:
                await until_ready(site)
                if options.once:
                    return await do_each_once(running, site)
                return await soak(running, site, minutes=options.minutes, warm_up=options.warm_up)


async def until_ready(site: Site) -> None:
    """Wait until the bot is connected."""
    state: list[Any] = []

    async def look() -> None:
        while not state:
            found = (await site.discord.get("/_sandbox/state")).json()
            state.extend(each for each in found["gateway"] if each["connected"])
            await asyncio.sleep(0.1)

    task = asyncio.create_task(look())
    await until(lambda: state or task.done(), seconds=60)
    await task


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=6.0, help="after warm-up")
    parser.add_argument("--warm-up", type=float, default=2.0, help="minutes")
    parser.add_argument("--trace", action="store_true", help="name the lines of code whose memory grows")
    parser.add_argument("--once", action="store_true", help="only check that every habit runs")
    options = parser.parse_args(argv)
    for name in ("DATABASE_URL", "REDIS_URL", "ENVIRONMENT"):
        os.environ.pop(name, None)
    if not asyncio.run(run(options)):
        raise SystemExit("something failed" if options.once else "memory grows")


if __name__ == "__main__":
    main()
