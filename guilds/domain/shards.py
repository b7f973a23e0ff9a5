"""The rows in which the bot's processes report their gateway connections and take turns to identify."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from guilds.models import BotShard, IdentifyBucket

FORGOTTEN_AFTER = timedelta(days=1)
# Discord requires five seconds. The rest allows for requests that take different times to arrive.
IDENTIFY_EVERY = timedelta(seconds=5.25)

MEMBERS_REMEDY = (
    "Open the application in Discord's developer portal, then Bot, and turn on Server Members Intent. "
    "Then restart the bot."
)
WITHOUT_MEMBERS = (
    "Server Members Intent is off, so the bot learns about changed roles only when people log in or use it. "
    f"{MEMBERS_REMEDY}"
)


CONTENT_REMEDY = (
    "Open the application in Discord's developer portal, then Bot, and turn on Message Content Intent. "
    "Then restart the bot."
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
    content_intent: bool,
) -> None:
    """Store a shard's current state. A process that is not connected does not overwrite another process's row."""
    seen = {
        "process": process,
        "connected": connected,
        "ready_at": ready_at,
        "seen_at": timezone.now(),
        "latency_ms": latency_ms,
        "guilds": guilds,
        "members_intent": members_intent,
        "content_intent": content_intent,
    }
    if connected:
        BotShard.objects.update_or_create(number=number, count=count, defaults=seen)
    else:
        BotShard.objects.filter(number=number, count=count, process=process).update(**seen)


def forget_old_shards() -> None:
    """Delete shards that no process has updated for long, such as those of an earlier shard count."""
    BotShard.objects.filter(seen_at__lt=timezone.now() - FORGOTTEN_AFTER).delete()


def claim_identify(bucket: int) -> float:
    """Try to take the bucket's turn. Returns 0 on success, otherwise the seconds until the next turn."""
    now = timezone.now()
    row, _ = IdentifyBucket.objects.get_or_create(pk=bucket, defaults={"free_at": now})
    # A turn that is too far in the future was written by a machine whose clock was wrong.
    free = Q(free_at__lte=now) | Q(free_at__gt=now + 2 * IDENTIFY_EVERY)
    if IdentifyBucket.objects.filter(free, pk=bucket).update(free_at=now + IDENTIFY_EVERY):
        return 0.0
    row.refresh_from_db()
    return max(0.05, (row.free_at - now).total_seconds())
