"""The cost of reading a guild's past: `python -m bench.reading [sqlite] [postgres] [--times 20]`.

The guild has 100,000 events, 20,000 plays in 30 days, 1,000 changes, 40 people and 400 tracks. It measures history,
audit, statistics and the next undo through the whole stack, with each filter, for recent and for old pages: queries,
and CPU milliseconds of this process and of PostgreSQL's processes, as they would be on the machine of the reference
(see `bench.load.asgi.Meter.measure`). Reference: at most 50 ms each.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
from datetime import timedelta
from functools import partial

from bench.load.asgi import call, measure_pace
from bench.load.databases import Cpu, each_database
from bench.load.processes import verdict

EVENTS, PLAYS, CHANGES = 100_000, 20_000, 1_000
PEOPLE, TRACKS = 40, 400
GUILD = "300000000000000001"
MOST_MS = 50.0
WARM_UP = 3

# Events, with their number among a thousand and who appends them.
NAMES = {
    "TrackAdded": (280, "rest"), "TrackStarted": (270, "bot"), "TrackFinished": (200, "bot"),
    "TrackSkipped": (70, "discord"), "TrackMoved": (40, "sync"), "VolumeChanged": (40, "sync"),
    "PlayerPaused": (30, "discord"), "PlayerResumed": (30, "discord"), "QueueCleared": (20, "rest"),
    "VoiceChanged": (17, "bot"), "TracksAdded": (2, "discord"), "SettingsChanged": (1, "admin"),
}  # fmt: skip
# Some of these filters find nothing, so that the search reads everything.
PATHS = [
    "/history", "/history?before=10000", "/history?limit=100", "/history?user=me", "/history?user=41",
    "/history?state=skipped", "/history?state=failed", "/history?user=me&state=failed",
    "/audit", "/audit?before=50000", "/audit?limit=100", "/audit?user=me", "/audit?user=41",
    "/audit?event=TrackSkipped", "/audit?event=SettingsChanged", "/audit?event=LoopChanged",
    "/audit?event=TracksAdded", "/audit?via=admin", "/audit?via=sync", "/audit?user=me&via=admin",
    "/audit?user=me&event=SettingsChanged", "/audit?via=rest&event=TrackSkipped",
    "/statistics", "/statistics?days=7", "/statistics?days=366", "/statistics?user=me",
    "/undo",
]  # fmt: skip


def plant() -> None:
    """Write the guild's events, plays and changes."""
    from django.db import connection
    from django.utils import timezone

    from accounts.models import User
    from guilds.domain.installation import ensure_guild
    from guilds.models import Membership
    from library.models import Track
    from queue_app.models import Change, ItemState, Play, Player, QueueItem
    from queue_app.shapes import item_shape, player_shape
    from realtime.models import Event, Store

    dice = random.Random(14)
    now = timezone.now()
    ensure_guild(GUILD, name="Bench")
    me = User.objects.get(username="bench")
    Membership.objects.create(user=me, guild_id=GUILD, owner=True)
    others = (User(username=f"p{n}", discord_id=f"2100000000000000{n:02}") for n in range(1, PEOPLE + 1))
    people = [me, *User.objects.bulk_create(others)]
    tracks = Track.objects.bulk_create(
        Track(source="library", uri=f"library:{n:032}", title=f"Song {n}", artist=f"Artist {n % 90}",
              duration_ms=200_000, resolved_at=now)
        for n in range(TRACKS)
    )  # fmt: skip

    ages = sorted((dice.uniform(0, 30 * 86400) for _ in range(PLAYS)), reverse=True)
    items, plays = [], []
    for age in ages:
        started_at = now - timedelta(seconds=age)
        state = dice.choices([ItemState.PLAYED, ItemState.SKIPPED], [8, 2])[0]
        track = tracks[min(int(dice.expovariate(1 / 80)), TRACKS - 1)]
        item = QueueItem(guild_id=GUILD, track=track, requested_by=dice.choice(people[:-1]), state=state,
                         started_at=started_at, ended_at=started_at + timedelta(minutes=3))  # fmt: skip
        items.append(item)
        plays.append(
            Play(guild_id=GUILD, item=item, track=track, requested_by=item.requested_by, started_at=started_at,
                 day=started_at.date(), ended_at=item.ended_at, outcome=state, heard_ms=180_000)
        )  # fmt: skip
    QueueItem.objects.bulk_create(items, batch_size=1000)
    Play.objects.bulk_create(plays, batch_size=1000)

    store = Store.objects.get(name=f"guild:{GUILD}")
    player = player_shape(Player(pk=GUILD))
    shapes = [item_shape(item) for item in dice.sample(items, 400)]
    whole = json.dumps({"items": shapes[:200], "queue_total": 200}, separators=(",", ":"))
    ids = json.dumps({"item_ids": [shape["id"] for shape in shapes[:200]], "queue_total": 0})
    settings = json.dumps({"before": {"vote_share": 50}, "after": {"vote_share": 60}})
    alike = {"TracksAdded": whole, "QueueCleared": ids, "SettingsChanged": settings}
    names = dice.choices(list(NAMES), [share for share, _ in NAMES.values()], k=EVENTS)

    def event(seq: int, name: str) -> Event:
        via = NAMES[name][1]
        args = alike.get(name) or json.dumps(
            {"item": dice.choice(shapes), "after": None, "player": player, "queue_total": 1},
            separators=(",", ":"),
        )
        return Event(
            store=store, seq=seq, parent_seq=seq - 1, event_id=f"{seq:032}", name=name, args=args, via=via,
            actor=None if via == "bot" else dice.choice(people[:-1]),
            created_at=now - timedelta(seconds=EVENTS - seq),
        )  # fmt: skip

    for start in range(0, EVENTS, 1000):
        Event.objects.bulk_create(
            event(seq, name) for seq, name in enumerate(names[start : start + 1000], start + 1)
        )
    store.head = EVENTS
    store.save()
    Change.objects.bulk_create(
        Change(
            guild_id=GUILD, epoch=store.epoch, seq=seq, last_seq=seq, actor=dice.choice(people), inverse="[]"
        )
        for seq in range(EVENTS - CHANGES + 1, EVENTS + 1)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


async def measure(token: str, times: int, cpu: Cpu) -> None:
    from config.asgi import application

    paces: list[float] = []
    for path in PATHS:
        ask = partial(call, application, "GET", f"/api/guilds/{GUILD}{path}", token=token)
        for _ in range(WARM_UP):
            answer = await ask()
        around = measure_pace()
        begun = cpu.seconds()
        for _ in range(times):
            answer = await ask()
        taken = (cpu.seconds() - begun) * 1000 / times
        pace = statistics.median(around + measure_pace())
        paces.append(pace)
        spent = taken / pace
        rows = len(answer.get("items", []))
        verdict(f"{path:<40}{rows:>4} rows {spent:6.1f} ms", f"at most {MOST_MS:.0f}", spent <= MOST_MS)
    print(f"This machine took {statistics.median(paces):.1f} times as long.")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("databases", nargs="*", choices=[[], "sqlite", "postgres"])
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args(argv)
    for cpu, token in each_database("reading", options.databases, "--times", str(options.times)):
        print(f"{EVENTS:,} events, {PLAYS:,} plays")
        plant()
        asyncio.run(measure(token, options.times, cpu))


if __name__ == "__main__":
    main()
