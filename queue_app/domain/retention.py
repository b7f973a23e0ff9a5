"""Delete old plays and items, and changes that can no longer be undone."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.utils import timezone

from queue_app.domain.undo import REACH
from queue_app.models import Change, ItemState, Play, QueueItem

MARGIN = timedelta(hours=1)  # longer than any transaction that looks at an old change
ENDED = (ItemState.PLAYED, ItemState.SKIPPED, ItemState.REMOVED, ItemState.FAILED)
BATCH, MAX_BATCHES = 1000, 100


def forget_history() -> dict[str, int]:
    """Delete plays and items that ended more than HISTORY_DAYS ago, and old changes. Returns their numbers, by kind.

    An item is kept as long as one of its plays. Safe to interrupt.
    """
    now = timezone.now()
    gone = {"changes": _delete(Change.objects.filter(created_at__lt=now - REACH - MARGIN))}
    if settings.HISTORY_DAYS:
        before = now - timedelta(days=settings.HISTORY_DAYS)
        gone["plays"] = _delete(Play.objects.filter(ended_at__lt=before))
        gone["queue items"] = _delete(
            QueueItem.objects.filter(
                ~Exists(Play.objects.filter(item=OuterRef("pk"))), state__in=ENDED, ended_at__lt=before
            )
        )
    return gone


def _delete[M: Model](rows: QuerySet[M]) -> int:
    """Delete rows in the order of their keys, which takes one pass over the table. At most BATCH × MAX_BATCHES."""
    count, rest = 0, rows.order_by("pk")
    for _ in range(MAX_BATCHES):
        with transaction.atomic():  # an item may start again until it is locked
            keys = list(rest.select_for_update(of=("self",)).values_list("pk", flat=True)[:BATCH])
            rows.model._default_manager.filter(pk__in=keys).delete()
        count += len(keys)
        if len(keys) < BATCH:
            break
        rest = rows.order_by("pk").filter(pk__gt=keys[-1])
    return count
