"""What the bot's processes write of their gateway connections, and how they take turns to identify."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from guilds.models import BotShard, IdentifyBucket

FORGOTTEN_AFTER = timedelta(days=1)
# Discord says five seconds; the rest is for two requests that do not take equally long.
IDENTIFY_EVERY = timedelta(seconds=5.25)

MEMBERS_REMEDY = (
    "Open the application in Discord's developer portal, then Bot, and turn on Server Members Intent. "
    "Then restart the bot."
)
WITHOUT_MEMBERS = (
    "Server Members Intent is off, so the bot learns about changed roles only when people log in or use it. "
    f"{MEMBERS_REMEDY}"
)


def note_shard(
    number: int,
    count: int,
    *,
    process: str,
    connected: bool,
    ready_at: datetime | None,
    latency_ms: int | None,
    guilds: int,
    members_intent: bool,
) -> None:
    """Keep how a shard is now. A process that is not connected says nothing of a shard that another one keeps."""
    seen = {
        "process": process,
        "connected": connected,
        "ready_at": ready_at,
        "seen_at": timezone.now(),
        "latency_ms": latency_ms,
        "guilds": guilds,
        "members_intent": members_intent,
    }
    if connected:
        BotShard.objects.update_or_create(number=number, count=count, defaults=seen)
    else:
        BotShard.objects.filter(number=number, count=count, process=process).update(**seen)


def forget_old_shards() -> None:
    """Drop what nobody has kept for long, such as shards of another count."""
    BotShard.objects.filter(seen_at__lt=timezone.now() - FORGOTTEN_AFTER).delete()


def claim_identify(bucket: int) -> float:
    """Take the bucket's turn. Returns 0 when it is ours, else the seconds until the next may be had."""
    now = timezone.now()
    row, _ = IdentifyBucket.objects.get_or_create(pk=bucket, defaults={"free_at": now})
    # Much further away than any turn: written by a clock that was wrong.
    free = Q(free_at__lte=now) | Q(free_at__gt=now + 2 * IDENTIFY_EVERY)
    if IdentifyBucket.objects.filter(free, pk=bucket).update(free_at=now + IDENTIFY_EVERY):
        return 0.0
    row.refresh_from_db()
    return max(0.05, (row.free_at - now).total_seconds())
