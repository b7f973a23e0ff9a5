"""Queued items by their number, which people count from 1."""

from __future__ import annotations

from bisect import bisect_left

from django.db.models import Q, QuerySet

from library.words import search_key
from queue_app.models import ItemState, QueueItem

MAX_WORDS = 20  # each word adds a condition to the query, and one character may become several words


def _queued(guild_id: str) -> QuerySet[QueueItem]:
    items = QueueItem.objects.filter(guild_id=guild_id, state=ItemState.QUEUED)
    return items.select_related("track", "requested_by").order_by("rank")


def numbered_items(guild_id: str, first: int, last: int) -> list[QueueItem]:
    """Return the items with the numbers `first` to `last`, inclusive, as far as they exist."""
    return list(_queued(guild_id)[max(first, 1) - 1 : max(last, 0)])


def queued_item(guild_id: str, item_id: str) -> QueueItem | None:
    return _queued(guild_id).filter(pk=item_id).first()


def search_queue(guild_id: str, text: str, *, limit: int) -> list[tuple[int, QueueItem]]:
    """Return the items whose track has every word of `text`, each with its number, in order. An empty text matches all.

    A link whose details were not read yet has no title, so its address is searched.
    """
    words = search_key(text).split()[:MAX_WORDS]
    items = _queued(guild_id)
    if text.strip():
        titled = Q()
        for word in words:
            titled &= Q(track__search_text__contains=word)
        link = Q(track__resolved_at=None, track__uri__icontains=text.strip())
        items = items.filter((titled | link) if words else link)
    found = list(items[:limit])
    if not found:
        return []
    ahead = QueueItem.objects.filter(
        guild_id=guild_id, state=ItemState.QUEUED, rank__lte=found[-1].rank
    ).order_by("rank")
    ranks = list(ahead.values_list("rank", flat=True))
    return [(bisect_left(ranks, item.rank) + 1, item) for item in found]


def place_for_number(item: QueueItem, number: int) -> tuple[str | None, int]:
    """Return how to move a queued item to a number: `(id of the item that it should follow, the number that it gets)`.

    The id is None for the front. If `number` is beyond the end, the item becomes the last one.
    """
    ids = _queued(item.guild_id).exclude(pk=item.pk).values_list("pk", flat=True)
    place = max(1, min(number, ids.count() + 1))
    after = ids[place - 2 : place - 1].first() if place > 1 else None
    return (str(after) if after else None), place
