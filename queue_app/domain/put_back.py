"""Find the places of items that are put back into the queue."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import NamedTuple
from uuid import UUID

from django.db.models import OuterRef, Subquery

from database.statements import IN_STATEMENT
from queue_app.domain.guild_state import GuildState
from queue_app.domain.rank import MANY, Ranked, front_ranks, make_room, queued, ranked_queue, ranks_between
from queue_app.models import ItemState, QueueItem

Neighbor = tuple[int, int | None]  # an item's rank, and the rank of the next one


class Run(NamedTuple):
    """Items that were neighbors in the queue, from `rank` on. `behind` lists the items before them, nearest first."""

    items: list[UUID]
    behind: list[str]
    rank: int


@dataclass
class Spot:
    """The place and ranks of items that are put back: right after the queued item `after`, or at the front (None)."""

    after: UUID | None
    items: list[UUID]
    ranks: Sequence[int] = ()


def find_places(state: GuildState, runs: list[Run]) -> list[Spot]:
    """Return the places to which the runs are put back. May append QueueRenumbered to make room.

    The place of a run is after the first item of `behind` that is queued. If none is queued, it is after the item that
    is now before its `rank`. Runs with the same place keep their order. Of many runs, it reads the whole queue.
    """
    ids = {item_id for run in runs for item_id in run.behind}
    whole = ranked_queue(state.guild_id) if len(ids) > MANY else None
    known = _neighbors(state, map(UUID, ids)) if whole is None else _all_neighbors(whole)
    spots: dict[UUID | None, Spot] = {}
    for run in runs:
        after = next((pk for item_id in run.behind if (pk := UUID(item_id)) in known), None)
        if after is None and run.behind:
            after = _before(state, run, whole)
        spots.setdefault(after, Spot(after, [])).items.extend(run.items)
    known |= _neighbors(state, spots.keys() - known.keys())
    while not _find_ranks(state, spots.values(), known):
        known = _neighbors(state, spots)
    return list(spots.values())


def _before(state: GuildState, run: Run, whole: Sequence[Ranked] | None) -> UUID | None:
    if whole is not None:
        at = bisect_left(whole, run.rank, key=lambda ranked: ranked[1])
        return whole[at - 1][0] if at else None
    others = queued(state.guild_id).filter(rank__lt=run.rank).exclude(pk=run.items[0])
    return others.order_by("-rank").values_list("pk", flat=True).first()


def _find_ranks(state: GuildState, spots: Iterable[Spot], known: Mapping[UUID, Neighbor]) -> bool:
    """Set the ranks of all spots. Returns False if it made room instead, which changes the ranks of other items."""
    for spot in spots:
        count = len(spot.items)
        if spot.after is None:
            spot.ranks = front_ranks(state, count)
            continue
        low, high = known[spot.after]
        spot.ranks = ranks_between(low, high, count)
        if not spot.ranks:
            make_room(state, low, count)
            return False
    return True


def _neighbors(state: GuildState, ids: Iterable[UUID | None]) -> dict[UUID, Neighbor]:
    """Return the ranks of the items that are queued, each with the rank of the next item."""
    following = queued(state.guild_id).filter(rank__gt=OuterRef("rank")).order_by("rank").values("rank")[:1]
    found: dict[UUID, Neighbor] = {}
    for part in batched((pk for pk in ids if pk is not None), IN_STATEMENT):
        # Filtered by id only: with a filter by state, SQLite would read the whole queue.
        rows = QueueItem.objects.filter(pk__in=part).annotate(following=Subquery(following))
        for pk, its, rank, high in rows.values_list("pk", "state", "rank", "following"):
            if its == ItemState.QUEUED:
                found[pk] = (rank, high)
    return found


def _all_neighbors(whole: Sequence[Ranked]) -> dict[UUID, Neighbor]:
    following = [rank for _, rank in whole[1:]]
    return {pk: (rank, high) for (pk, rank), high in zip(whole, [*following, None], strict=True)}
