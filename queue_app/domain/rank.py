"""Where in the queue an item stands. Ranks only order; below zero is as good as above.

Functions that take a guild expect its store to be locked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from django.db.models import Max, Min, QuerySet

from queue_app.models import ItemState, QueueItem

# Between two neighbours twenty items fit, each in the middle of what is left, before all are numbered anew.
STEP = 1 << 20


def rank_behind(guild_id: str, after: UUID | None, *, moving: UUID | None = None) -> int:
    """Return a rank right behind the queued item `after`, null: at the front. `moving` counts as not there.

    May number the whole queue anew to make room. Raises QueueItem.DoesNotExist when `after` is not queued.
    """
    others = queued(guild_id)
    if moving is not None:
        others = others.exclude(pk=moving)
    if after is None:
        first = others.aggregate(rank=Min("rank"))["rank"]
        return 0 if first is None else int(first) - STEP
    low = others.values_list("rank", flat=True).get(pk=after)
    high = others.filter(rank__gt=low).aggregate(rank=Min("rank"))["rank"]
    if high is None:
        return low + STEP
    if high - low < 2:
        _number_anew(guild_id)
        low = others.values_list("rank", flat=True).get(pk=after)
        high = low + STEP
    return int(low + high) // 2


def last_queued(guild_id: str) -> UUID | None:
    """Return the id of the queued item behind which there is none, null for an empty queue."""
    last = queued(guild_id).aggregate(rank=Max("rank"))["rank"]
    return None if last is None else queued(guild_id).get(rank=last).pk


def neighbour(guild_id: str, *, rank: int) -> UUID | None:
    """Return the id of the queued item just before that rank, null at the front."""
    return queued(guild_id).filter(rank__lt=rank).order_by("-rank").values_list("pk", flat=True).first()


def queued(guild_id: str) -> QuerySet[QueueItem]:
    return QueueItem.objects.filter(guild_id=guild_id, state=ItemState.QUEUED)


def _number_anew(guild_id: str) -> None:
    items = list(queued(guild_id).order_by("rank"))
    for number, item in enumerate(items):
        item.rank = number * STEP
    QueueItem.objects.bulk_update(items, ["rank"], batch_size=500)


def fair_place(people: Sequence[int | None], *, current: int | None, person: int | None) -> int:
    """Return where a new item of `person` stands when people take turns: before `people[place]`.

    `people`: who asked for each queued item, in order; `current`: for what plays, which was their first turn.
    The new item goes into its person's next round: behind all their own, and behind everybody's of that round.
    """
    turns: Counter[int | None] = Counter() if current is None else Counter([current])
    rounds = []
    for each in people:
        rounds.append(turns[each])
        turns[each] += 1
    own = [place for place, each in enumerate(people) if each == person]
    behind = own[-1] + 1 if own else 0
    return next((place for place in range(behind, len(people)) if rounds[place] > turns[person]), len(people))
