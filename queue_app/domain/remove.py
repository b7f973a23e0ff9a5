"""Remove several queued items together, so that they can be put back in their places."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import batched, takewhile
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.utils import timezone

from database.statements import IN_STATEMENT
from queue_app.domain.guild_state import GuildState, Step
from queue_app.domain.rank import MANY, PART, Ranked, queued, ranked_queue
from queue_app.events import QueueCleared, TrackRemoved, TracksRemoved, TracksSkipped
from queue_app.models import ItemState, QueueItem
from queue_app.rows import ItemRow, WaitingRow, rows_of, waiting_rows

PREDECESSORS = 20  # how many are stored for each run of removed items

Removable = QueueItem | ItemRow | WaitingRow


def take_out(
    state: GuildState,
    items: Sequence[Removable],
    *,
    right: str,
    end: ItemState = ItemState.REMOVED,
    event: type[QueueCleared | TracksRemoved] = TracksRemoved,
    before: Sequence[Ranked] | None = None,
) -> Step:
    """End queued items, in ascending order of rank, and append their events. Returns the step that puts them back.

    A single item gets a TrackRemoved. `right` is a key of `restore.RIGHTS`, which putting them back needs. `before` is
    the whole queue in ascending order, if the caller has read it.
    """
    ranked = [(item.pk, item.rank) for item in items]
    step: Step = {"do": "PutBack", "runs": list(runs_of(state, ranked, before)), "right": right, "end": end}
    if len(items) == 1 and event is TracksRemoved and end == ItemState.REMOVED:
        item = _remove_one(items[0])
        state.count(-1)
        state.append(TrackRemoved(item=item))
        return step
    now = timezone.now()
    for part in batched(ranked, IN_STATEMENT):
        QueueItem.objects.filter(pk__in=[pk for pk, _ in part]).update(state=end, ended_at=now)
    event_class = TracksSkipped if end == ItemState.SKIPPED else event
    for part in batched(ranked, PART):
        state.player.queue_total -= len(part)
        state.append(event_class(item_ids=[pk for pk, _ in part]))
    state.count(0)
    return step


def _remove_one(item: Removable) -> QueueItem | ItemRow:
    """Remove an item, and return it as it is afterwards."""
    if isinstance(item, QueueItem):
        item.end(ItemState.REMOVED)
        return item
    now = timezone.now()
    QueueItem.objects.filter(pk=item.pk).update(state=ItemState.REMOVED, ended_at=now)
    row = item if isinstance(item, ItemRow) else rows_of([item.pk])[0]
    return row._replace(state=ItemState.REMOVED, ended_at=now)


def take_out_where(
    state: GuildState,
    matches: Callable[[WaitingRow], bool],
    *,
    right: str = "clear",
    event: type[QueueCleared | TracksRemoved] = TracksRemoved,
) -> int:
    """Remove the queued items for which `matches` is true, so that undo can put them back. Returns their number.

    `matches` is called in the order of the queue. Reads the whole queue.
    """
    waiting = waiting_rows(queued(state.guild_id))
    gone = [item for item in waiting if matches(item)]
    if gone:
        before = [(item.pk, item.rank) for item in waiting]
        state.undo.steps.append(take_out(state, gone, right=right, event=event, before=before))
        state.undo.count = len(gone)
    return len(gone)


def place_of(state: GuildState, item: QueueItem) -> Step:
    """Return the place of a queued item, as a run of PutBack without items."""
    return {"behind": _ids(_predecessors(state, item.rank, {item.pk})), "rank": item.rank}


def runs_of(state: GuildState, items: Sequence[Ranked], before: Sequence[Ranked] | None) -> Iterator[Step]:
    """Yield the items in runs of neighbors, which have no other item in between.

    Each run lists the items before it, nearest first, up to the first one that is already listed before the last run.
    Otherwise, many runs in a long queue would repeat the same items.
    """
    gone = {pk for pk, _ in items}
    if before is None and len(items) > MANY:
        before = ranked_queue(state.guild_id)
    nearest = None if before is not None else _nearest(state, items)
    of = _in_memory(before, gone) if before is not None else lambda rank: _predecessors(state, rank, gone)
    run: list[UUID] = []
    behind: list[UUID] = []
    known: set[UUID] = set()
    first = 0
    for pk, rank in items:
        if run and nearest is not None and nearest.get(pk) == run[-1]:
            run.append(pk)
            continue
        previous = of(rank)
        if run and previous[:1] != behind[:1]:
            yield _run(run, behind, known, first)
            run, known = [], set(behind)
        if not run:
            behind, first = previous, rank
        run.append(pk)
    yield _run(run, behind, known, first)


def _run(items: Iterable[UUID], behind: Iterable[UUID], known: Collection[UUID], rank: int) -> Step:
    new = takewhile(lambda pk: pk not in known, behind)
    return {"items": _ids(items), "behind": _ids(new), "rank": rank}


def behinds(runs: Iterable[Step]) -> Iterator[list[str]]:
    """Yield for each run of `runs_of` all items before it, nearest first."""
    behind: list[str] = []
    for run in runs:
        behind = [*run["behind"], *behind][:PREDECESSORS]
        yield behind


def _nearest(state: GuildState, items: Sequence[Ranked]) -> dict[UUID, UUID]:
    """Return for each item the queued item directly before it, whether that is being removed or not."""
    before = queued(state.guild_id).filter(rank__lt=OuterRef("rank")).order_by("-rank").values("pk")[:1]
    found: dict[UUID, UUID] = {}
    if len(items) > 1:
        for part in batched(items, IN_STATEMENT):
            # Filtered by id only: with a filter by state, SQLite would read the whole queue.
            rows = QueueItem.objects.filter(pk__in=[pk for pk, _ in part]).annotate(before=Subquery(before))
            found |= dict(rows.values_list("pk", "before"))
    return found


def _predecessors(state: GuildState, rank: int, gone: Collection[UUID]) -> list[UUID]:
    """Return the nearest queued items before a rank, nearest first, without those in `gone`."""
    found: list[UUID] = []
    before = queued(state.guild_id).order_by("-rank")
    limit = PREDECESSORS + min(len(gone), PREDECESSORS)
    while len(found) < PREDECESSORS:
        page = list(before.filter(rank__lt=rank).values_list("pk", "rank")[:limit])
        found += [pk for pk, _ in page if pk not in gone]
        if len(page) < limit:
            break
        rank = page[-1][1]
    return found[:PREDECESSORS]


def _in_memory(before: Sequence[Ranked], gone: Collection[UUID]) -> Callable[[int], list[UUID]]:
    """Return `_predecessors` as a function of the rank, for a queue that was read. Call it with ascending ranks."""
    rest = iter(before)
    nearest: list[UUID] = []  # nearest last

    def predecessors(rank: int) -> list[UUID]:
        for pk, its in rest:
            if its >= rank:
                break
            if pk not in gone:
                nearest.append(pk)
        return nearest[: -PREDECESSORS - 1 : -1]

    return predecessors


def _ids(items: Iterable[UUID]) -> list[str]:
    return [str(pk) for pk in items]
