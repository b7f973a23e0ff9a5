"""Record plays (`Play`), from which the history and the statistics are computed."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts.models import User
from library.domain.tracks import count_play
from queue_app.models import ItemState, Play, QueueItem


def begin_play(item: QueueItem, *, position_ms: int = 0, continues: bool = False) -> None:
    """Record that an item starts. If it starts in the middle or `continues`, its last play is continued."""
    if position_ms or continues:
        last = Play.objects.filter(item=item).order_by("-id").values("pk")[:1]
        continued = Play.objects.filter(pk__in=list(last.values_list("pk", flat=True)))
        if continued.update(from_ms=position_ms, ended_at=None, outcome="", skipped_by=None, by_vote=False):
            return
    now = timezone.now()
    Play.objects.create(
        guild_id=item.guild_id,
        item=item,
        track_id=item.track_id,
        requested_by_id=item.requested_by_id,
        started_at=now,
        day=now.date(),
        from_ms=position_ms,
    )
    # After the commit: a scan may hold the track's row, which no command should wait for.
    transaction.on_commit(partial(count_play, item.track_id), robust=True)


def note_jump(item: QueueItem, *, position_ms: int, to_ms: int) -> None:
    """Record that the current item continues at another position."""
    _open(item).update(heard_ms=_heard(position_ms), from_ms=to_ms)


def end_play(
    item: QueueItem, *, position_ms: int, outcome: ItemState, by: User | None = None, by_vote: bool = False
) -> None:
    """Record how the current play ended. `by` is the person who skipped it, None if a vote did."""
    _open(item).update(
        heard_ms=_heard(position_ms),
        from_ms=position_ms,
        outcome=outcome,
        ended_at=timezone.now(),
        skipped_by=by,
        by_vote=by_vote,
    )


def _open(item: QueueItem) -> QuerySet[Play]:
    return Play.objects.filter(item=item, ended_at=None)


def _heard(position_ms: int) -> Greatest:
    return Greatest(F("heard_ms"), F("heard_ms") + position_ms - F("from_ms"))
