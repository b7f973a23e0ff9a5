"""What reading a guild's mirror costs: `python -m bench.guilds [--requests 400]`.

`GET /api/guilds/{id}/channels` as its manager, for guilds of 10, 100 and 500 channels: queries, requests a second
and milliseconds through the program's whole stack in this process, on SQLite. The queries must not grow with the
guild. Reference: `/healthz`, which reads nothing, in the same run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time

WARM_UP = 20
SIZES = (10, 100, 500)


def make_guild(number: int, channels: int) -> str:
    """Return the id of a guild of which user 1 is the owner."""
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


def measure(requests: int) -> None:
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from accounts.domain.sessions import begin_session
    from accounts.models import User
    from accounts.tokens import issue_access

    user = User.objects.create(discord_id="200000000000000001", username="bench")
    token, _ = issue_access(begin_session(user, device="bench", address=None))
    client = Client(SERVER_NAME="127.0.0.1", headers={"Authorization": f"Bearer {token}"})
    paths = {"/healthz": "/healthz"}
    for number, size in enumerate(SIZES):
        guild_id = make_guild(number * 10_000, size)
        paths[f"{size} channels"] = f"/api/guilds/{guild_id}/channels"
    times: dict[str, list[float]] = {name: [] for name in paths}
    queries: dict[str, int] = {}
    for name, path in paths.items():
        for _ in range(WARM_UP):
            client.get(path)
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(path)
        assert answer.status_code == 200
        queries[name] = len(captured)
    for _ in range(requests):  # in turns, so that a slow moment of the machine strikes all of them
        for name, path in paths.items():
            begun = time.perf_counter()
            client.get(path)
            times[name].append(time.perf_counter() - begun)
    for name, values in times.items():
        values.sort()
        median, p99 = statistics.median(values) * 1000, values[int(len(values) * 0.99) - 1] * 1000
        print(
            f"{name:<14} {queries[name]} queries   {len(values) / sum(values):7.0f} requests/s"
            f"   median {median:6.2f} ms   p99 {p99:6.2f} ms"
        )
    if len({queries[name] for name in paths if name != "/healthz"}) != 1:
        raise SystemExit("the queries grow with the guild")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=400)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("DATABASE_URL", "REDIS_URL", "ENVIRONMENT"):
            os.environ.pop(name, None)
        os.environ |= {
            "DATA_DIR": folder,
            "ENV_FILE": os.devnull,
            "LOG_LEVEL": "ERROR",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        measure(options.requests)


if __name__ == "__main__":
    main()
