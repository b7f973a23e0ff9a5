"""The cost of many and large guilds: `python -m bench.guilds [--requests 400] [--guilds 200]`.

First, `GET /api/guilds/{id}/channels` as a manager, for guilds with 10, 100 and 500 channels: queries, requests a
second, and milliseconds through the whole stack in this process, on SQLite. The number of queries must not grow with
the guild. Reference: `/healthz`, which reads nothing.

Then the start of a bot in 200 guilds with 500 channels, until the last one is mirrored, with the sandbox in the same
process. Reference: at most 25 seconds of CPU, and 100 SQL statements per guild.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from functools import partial

from bench.load.asgi import Meter
from bench.load.planted import plant
from bench.load.processes import verdict
from bench.load.requests import measure_requests, program
from sandbox.server import Sandbox

SIZES = (10, 100, 500)
START_CPU_SECONDS, START_STATEMENTS = 25.0, 100


def make_guild(number: int, channels: int) -> str:
    """Create a guild that the user manages. Returns its id."""
    from accounts.models import User
    from guilds.domain.installation import ensure_guild
    from guilds.models import Channel, Guild, Membership

    guild = ensure_guild(str(300_000_000_000_000_000 + number), name=f"Guild of {channels}")
    Guild.objects.filter(pk=guild.pk).update(bot_installed=True)
    Membership.objects.create(user=User.objects.get(username="bench"), guild=guild, owner=True)
    Channel.objects.bulk_create(
        Channel(
            id=str(int(guild.pk) + 1000 + position), guild=guild, type=0, name="channel", position=position
        )
        for position in range(channels)
    )
    return guild.pk


def measure(token: str, requests: int) -> None:
    from django.test import Client

    client = Client(SERVER_NAME="127.0.0.1", headers={"Authorization": f"Bearer {token}"})
    paths = {"/healthz": "/healthz"}
    for number, size in enumerate(SIZES):
        guild_id = make_guild(number * 10_000, size)
        paths[f"{size} channels"] = f"/api/guilds/{guild_id}/channels"
    for path in paths.values():
        assert client.get(path).status_code == 200
    costs = measure_requests({name: partial(client.get, path) for name, path in paths.items()}, requests)
    for name, cost in costs.items():
        print(f"{name:<14} {1000 * len(cost.times_ms) / sum(cost.times_ms):7.0f} requests/s   {cost}")
    if len({cost.queries for name, cost in costs.items() if name != "/healthz"}) != 1:
        raise SystemExit("the queries grow with the guild")


async def start_in(guilds: int, channels: int) -> bool:
    """Start a bot in many guilds. Returns whether it meets the reference."""
    from django.conf import settings

    from botrunner.shards import run_bot
    from guilds.models import Guild
    from realtime.db import in_thread

    sandbox = Sandbox(data_dir=settings.SANDBOX_DIR, port=0)
    planted = plant(sandbox.world, guilds=guilds, channels=channels)
    await sandbox.start()
    settings.DISCORD_API_URL = sandbox.api_url
    meter, stop = Meter(), asyncio.Event()
    begun, work = time.monotonic(), time.process_time()
    bot = asyncio.create_task(run_bot(stop, None))
    mirrored = in_thread(Guild.objects.filter(pk__in=planted, bot_installed=True).count)
    while await mirrored() < guilds:
        await asyncio.sleep(0.25)
    seconds, work, statements = time.monotonic() - begun, time.process_time() - work, meter.queries / guilds
    stop.set()
    await bot
    await sandbox.stop()
    held = work <= START_CPU_SECONDS and statements <= START_STATEMENTS
    verdict(
        f"{guilds} guilds with {channels} channels mirrored in {seconds:.1f} s, {work:.1f} s of CPU, "
        f"{statements:.1f} statements each",
        f"{START_CPU_SECONDS:.0f} s of CPU, {START_STATEMENTS} statements",
        held,
    )
    return held


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--guilds", type=int, default=200, help="number of guilds in which a bot starts")
    options = parser.parse_args(argv)
    with program() as token:
        measure(token, options.requests)
        if not asyncio.run(start_in(options.guilds, channels=SIZES[-1])):
            raise SystemExit("a start in many guilds costs more than it may")


if __name__ == "__main__":
    main()
