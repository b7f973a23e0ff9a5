"""Requests to Discord for the cards of many guilds: `python -m bench.cards [--guilds 50] [--seconds 60]`.

Each guild plays and has a card. Commands arrive at random: 2 a second over all guilds, a third of them a burst of five
in one guild. The sandbox counts each request, with the limits of Discord as far as they are known. Reference: no
request over a limit, at most one edit in 2 s in each channel, and at most half of the 50 requests a second that a bot
may make, because commands and voice need the rest.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import time
from collections import Counter, defaultdict

from bench.load.planted import plant
from bench.load.processes import verdict
from bench.load.requests import program
from sandbox.model import Channel, ChannelType
from sandbox.server import Sandbox

PER_SECOND = 2.0
BURST = 5
MOST_PER_SECOND = 25


class Requests:
    """Counts the requests that the sandbox answers."""

    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.seconds: Counter[int] = Counter()
        self.edits: defaultdict[str, list[float]] = defaultdict(list)  # by channel

    def observe(self, method: str, path: str, status: int, body: object) -> None:
        self.statuses[status] += 1
        self.seconds[int(time.monotonic())] += 1
        if method == "PATCH" and "/messages/" in path:
            self.edits[path.partition("/messages/")[0]].append(time.monotonic())

    def shortest_pause(self) -> float:
        """Return the shortest time between two edits in one channel."""
        times = self.edits.values()
        return min((b - a for each in times for a, b in itertools.pairwise(each)), default=float("inf"))


def start_playing(sandbox: Sandbox, guild_id: str, owner: str) -> None:
    """Mirror a guild and let its player play the first of ten tracks, without voice."""
    from accounts.models import User
    from botrunner.card.life import note_home
    from guilds.domain.mirror import mirror_guild
    from guilds.models import Membership
    from library.models import Track
    from queue_app.commands import execute
    from queue_app.domain import playback
    from realtime.models import Via
    from realtime.origin import Origin

    channels = sandbox.world.guild_channels(guild_id)
    roles = sandbox.world.guild_roles(guild_id)
    text, voice = (next(each for each in channels if each.type == kind and not each.overwrites)
                   for kind in (ChannelType.TEXT, ChannelType.VOICE))  # fmt: skip
    mirror_guild(
        guild_id, name=f"Guild {guild_id[-4:]}", icon_hash="", owner_id="", member_count=2,
        bot_role_ids=[role.id for role in roles if role.bot_id], voices=[],
        channels=[_channel(each) for each in channels],
        roles=[{"id": role.id, "name": role.name, "color": 0, "position": role.position, "mentionable": False,
                "permissions": role.permissions, "managed": bool(role.bot_id)} for role in roles],
    )  # fmt: skip
    user = User.objects.get(username="bench")
    Membership.objects.create(user=user, guild_id=guild_id, owner=True)
    origin = Origin(user=user, via=Via.REST)
    uris = list(Track.objects.values_list("uri", flat=True))
    execute(guild_id, "JoinVoice", {"channel_id": voice.id}, origin=origin)
    execute(guild_id, "AddTracks", {"uris": random.sample(uris, 10)}, origin=origin)
    note_home(guild_id, text.id)
    assert playback.take_lease(guild_id, owner=owner)
    playback.observe(guild_id, owner=owner, connected_channel_id=voice.id, sounding=False, position_ms=None)
    item = playback.start_next(guild_id, owner=owner)
    assert item is not None
    playback.observe(guild_id, owner=owner, connected_channel_id=voice.id, sounding=True, position_ms=0)


def _channel(channel: Channel) -> dict[str, object]:
    overwrites = [
        {"id": each.id, "type": each.type, "allow": str(each.allow), "deny": str(each.deny)}
        for each in channel.overwrites
    ]
    return {"id": channel.id, "type": int(channel.type), "name": channel.name, "position": channel.position,
            "parent_id": None, "overwrites": overwrites, "user_limit": 0}  # fmt: skip


async def command(guild_ids: list[str]) -> None:
    """Carry out commands at random, forever."""
    from accounts.models import User
    from queue_app.commands import execute
    from realtime.db import in_thread
    from realtime.models import Via
    from realtime.origin import Origin

    origin = Origin(user=await in_thread(User.objects.get)(username="bench"), via=Via.REST)
    run = in_thread(execute)
    while True:
        guild_id = random.choice(guild_ids)
        for _ in range(BURST if random.random() < 1 / 3 else 1):
            await run(guild_id, "SetVolume", {"volume": random.randint(1, 150)}, origin=origin)
        await asyncio.sleep(1 / PER_SECOND)


async def keep_leases(guild_ids: list[str], owner: str) -> None:
    """Renew the leases as a bot does, forever. Without its lease, a player is shown as offline."""
    from queue_app.domain.playback import renew_leases
    from realtime.db import in_thread

    while True:
        await in_thread(renew_leases)(dict.fromkeys(guild_ids, owner))
        await asyncio.sleep(2)


async def measure(guilds: int, seconds: float) -> bool:
    """Keep the cards for that long. Returns whether the requests stay within the references."""
    from django.conf import settings

    from botrunner.card.keeper import CardKeeper
    from realtime.db import in_thread

    sandbox = Sandbox(data_dir=settings.SANDBOX_DIR, port=0)
    guild_ids = plant(sandbox.world, guilds=guilds, channels=6)
    await sandbox.start()
    sandbox.ratelimiter.reset("discord")
    settings.DISCORD_API_URL, settings.DISCORD_CLIENT_ID = sandbox.api_url, sandbox.credentials.client_id
    settings.DISCORD_BOT_TOKEN = sandbox.credentials.bot_token
    for guild_id in guild_ids:
        await in_thread(start_playing)(sandbox, guild_id, "bench")
    requests = Requests()
    sandbox.observers.append(requests.observe)
    keeper = CardKeeper(owner="bench", serves=lambda guild_id: guild_id in guild_ids)
    keeper.start()
    beside = [asyncio.create_task(command(guild_ids)), asyncio.create_task(keep_leases(guild_ids, "bench"))]
    await asyncio.sleep(seconds)
    for task in beside:
        task.cancel()
    await asyncio.wait(beside)
    await keeper.close()
    await sandbox.stop()
    edits = sum(map(len, requests.edits.values()))
    busiest, refused, pause = (
        max(requests.seconds.values()),
        requests.statuses[429],
        requests.shortest_pause(),
    )
    print(f"{guilds} cards, {edits} edits in {seconds:.0f} s; answers: {dict(requests.statuses)}")
    held = [refused == 0, len(requests.edits) == guilds, pause >= 1.9, busiest <= MOST_PER_SECOND]
    verdict(f"{refused} requests over a limit", "none", held[0])
    verdict(f"{len(requests.edits)} guilds whose card was edited", f"{guilds}", held[1])
    verdict(f"{pause:.1f} s between two edits in a channel at least", "about 2 s", held[2])
    verdict(f"{busiest} requests in the busiest second", f"at most {MOST_PER_SECOND}", held[3])
    return all(held)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--guilds", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args(argv)
    with program():
        plant_tracks()
        if not asyncio.run(measure(options.guilds, options.seconds)):
            raise SystemExit("cards make more requests than they may")


def plant_tracks() -> None:
    from django.utils import timezone

    from library.models import Track

    Track.objects.bulk_create(
        Track(source="library", uri=f"library:{n:032}", title=f"Song {n}", artist=f"Artist {n % 9}",
              duration_ms=200_000, resolved_at=timezone.now())
        for n in range(100)
    )  # fmt: skip


if __name__ == "__main__":
    main()
