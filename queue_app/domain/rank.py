"""Where in the queue a new item stands. Ranks only order; below zero is as good as above."""

from __future__ import annotations

from django.db.models import Max, Min, QuerySet

from queue_app.models import ItemState, QueueItem


def front_rank(guild_id: str) -> int:
    """Return the rank before every queued item. The guild's store must be locked."""
    first = _queued(guild_id).aggregate(rank=Min("rank"))["rank"]
    return 0 if first is None else int(first) - 1


def back_rank(guild_id: str) -> int:
    """Return the rank behind every queued item. The guild's store must be locked."""
    last = _queued(guild_id).aggregate(rank=Max("rank"))["rank"]
    return 0 if last is None else int(last) + 1


def neighbour(guild_id: str, *, rank: int) -> str | None:
    """Return the id of the queued item just before that rank, null at the front."""
    before = _queued(guild_id).filter(rank__lt=rank).order_by("-rank").values_list("pk", flat=True).first()
    return str(before) if before else None


def _queued(guild_id: str) -> QuerySet[QueueItem]:
    return QueueItem.objects.filter(guild_id=guild_id, state=ItemState.QUEUED)
