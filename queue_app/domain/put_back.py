"""Find the places of items that are put back into the queue."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import NamedTuple
from uuid import UUID

from django.db.models import OuterRef, Subquery

from queue_app.domain.guild_state import IN_STATEMENT, GuildState
from queue_app.domain.rank import STEP, front_ranks, make_room, queued
from queue_app.models import ItemState, QueueItem

Neighbor = tuple[int, int | None]  # an item's rank, and the rank of the next one


class Run(NamedTuple):
    """Items that were neighbors in the queue, from `rank` on. `behind` lists the items before them, nearest first."""

    items: list[QueueItem]
    behind: list[str]
    rank: int


@dataclass
class Spot:
    """The place and ranks of items that are put back: right after the queued item `after`, or at the front (None)."""

    after: UUID | None
    items: list[QueueItem]
    ranks: Sequence[int] = ()


def find_places(state: GuildState, runs: list[Run]) -> list[Spot]:
    """Return the places to which the runs are put back. May append QueueRenumbered to make room.

    The place of a run is after the first item of `behind` that is queued. If none is queued, it is after the item that
    is now before its `rank`. Runs with the same place keep their order.
    """
    spots: dict[UUID | None, Spot] = {}
    known = _neighbors(state, {item_id for run in runs for item_id in run.behind})
    for run in runs:
        after = next((pk for item_id in run.behind if (pk := UUID(item_id)) in known), None)
        if after is None and run.behind:
            after = _before(state, run)
        spots.setdefault(after, Spot(after, [])).items.extend(run.items)
    while not _find_ranks(state, list(spots.values())):
        pass
    return list(spots.values())


def _before(state: GuildState, run: Run) -> UUID | None:
    others = queued(state.guild_id).filter(rank__lt=run.rank).exclude(pk=run.items[0].pk)
    return others.order_by("-rank").values_list("pk", flat=True).first()


def _find_ranks(state: GuildState, spots: list[Spot]) -> bool:
    """Set the ranks of all spots. Returns False if it made room instead, which changes the ranks of other items."""
    neighbors = _neighbors(state, {str(spot.after) for spot in spots if spot.after is not None})
    for spot in spots:
        count = len(spot.items)
        if spot.after is None:
            spot.ranks = front_ranks(state, count)
            continue
        low, high = neighbors[spot.after]
        if high is not None and high - low <= count:
            make_room(state, low, count)
            return False
        step = STEP if high is None else (high - low) // (count + 1)
        spot.ranks = [low + step * number for number in range(1, count + 1)]
    return True


def _neighbors(state: GuildState, ids: Collection[str]) -> dict[UUID, Neighbor]:
    """Return the ranks of the items that are queued, each with the rank of the next item."""
    following = queued(state.guild_id).filter(rank__gt=OuterRef("rank")).order_by("rank").values("rank")[:1]
    found: dict[UUID, Neighbor] = {}
    for part in batched(ids, IN_STATEMENT):
        # Filtered by id only: with a filter by state, SQLite would read the whole queue.
        rows = QueueItem.objects.filter(pk__in=part).annotate(following=Subquery(following))
        for pk, its, rank, high in rows.values_list("pk", "state", "rank", "following"):
            if its == ItemState.QUEUED:
                found[pk] = (rank, high)
    return found
