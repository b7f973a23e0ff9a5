"""Fills a queue in the program's database: `python -m bench.load.rows GUILD COUNT [PEOPLE]`.

Run it with the environment of the measured program, so that it writes to that program's database. It first clears the
queue. It appends no events, so nobody should follow the guild meanwhile.
"""

from __future__ import annotations

import sys

TRACKS = 50
TRACK = "library:" + "0" * 32  # created if the library is empty


def requester(number: int) -> str:
    """Return the Discord id of one of the people who request items."""
    return f"2100000000000000{number:02}"


def fill(guild_id: str, count: int, *, people: int = 1, apart: bool = False) -> None:
    """Fill a guild's queue with exactly `count` items, requested by `people` members in turns.

    `apart`: every second item is a track that is queued once, and the other items are all the same track.
    """
    from django.db import transaction
    from django.utils import timezone

    from accounts.models import User
    from guilds.models import Membership
    from library.models import Track
    from queue_app.domain.rank import STEP
    from queue_app.models import ItemState, Player, QueueItem

    with transaction.atomic():
        QueueItem.objects.filter(guild_id=guild_id, state=ItemState.QUEUED).delete()
        users = [
            User.objects.get_or_create(username=f"bench-{number}", discord_id=requester(number))[0]
            for number in range(people)
        ]
        for user in users:
            Membership.objects.get_or_create(user=user, guild_id=guild_id)
        made = Track(source="library", uri=TRACK, title="Song", artist="The Testers", duration_ms=60_000)
        made.resolved_at = timezone.now()
        tracks = list(Track.objects.filter(source="library", available=True)[:TRACKS])
        if not tracks:
            made.save()
            tracks = [made]
        if apart:
            uris = [f"library:{number:032x}" for number in range(1, count // 2 + 1)]
            once = [
                Track(source="library", uri=uri, title="Song", resolved_at=timezone.now()) for uri in uris
            ]
            Track.objects.bulk_create(once, ignore_conflicts=True)
            once = list(Track.objects.filter(uri__startswith="library:0").order_by("uri")[: count // 2 + 1])
            tracks = [track for pair in zip(once[1:], [once[0]] * len(once), strict=False) for track in pair]
        QueueItem.objects.bulk_create(
            (
                QueueItem(
                    guild_id=guild_id,
                    track=tracks[at % len(tracks)],
                    requested_by=users[at % people],
                    rank=at * STEP,
                )
                for at in range(count)
            ),
            batch_size=1000,
        )
        Player.objects.update_or_create(pk=guild_id, defaults={"queue_total": count})


def main() -> None:
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    guild_id, count, people = [*sys.argv[1:], "1"][:3]
    fill(guild_id, int(count), people=int(people))


if __name__ == "__main__":
    main()
