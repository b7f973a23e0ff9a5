"""What reading a guild's mirror costs: `python -m bench.guilds [--requests 400]`.

`GET /api/guilds/{id}/channels` as its manager, for guilds of 10, 100 and 500 channels: queries, requests a second
and milliseconds through the program's whole stack in this process, on SQLite. The queries must not grow with the
guild. Reference: `/healthz`, which reads nothing, in the same run.
"""

from __future__ import annotations

import argparse
from functools import partial

from bench.load.requests import measure_requests, program

SIZES = (10, 100, 500)


def make_guild(number: int, channels: int) -> str:
    """Return the id of a guild of the user's."""
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


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    options = parser.parse_args(argv)
    with program() as token:
        measure(token, options.requests)


if __name__ == "__main__":
    main()
