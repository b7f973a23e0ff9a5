"""Steps that restore the queue."""

from __future__ import annotations

from itertools import batched
from uuid import UUID

from django.conf import settings as program

from queue_app.domain.guild_state import GuildState, Step
from queue_app.domain.policy import check_move, check_source
from queue_app.domain.put_back import Run, Spot, find_places
from queue_app.domain.rank import PART, queue_again, queued, write_ranks
from queue_app.domain.remove import behinds, place_of, runs_of, take_out
from queue_app.domain.restore.step import RIGHTS, Outcome, Restore, check_items, load_items, reason_of
from queue_app.errors import QueueFull
from queue_app.events import QueueShuffled, TrackAdded, TrackFailed, TrackMoved, TracksAdded, TracksMoved
from queue_app.left_out import Restoring
from queue_app.models import ItemState
from queue_app.rows import ItemRow


class RemoveAdded(Restore):
    """Remove items that are still queued. With the `right` "own", people may remove their own items, and DJs all.

    `end` is the new state of the items. It is "skipped" for items that a jump had skipped. `back` is the right that
    putting them back needs; None: the same.
    """

    @staticmethod
    def take(
        state: GuildState,
        outcome: Outcome,
        *,
        items: list[str],
        right: str = "own",
        back: str | None = None,
        end: str = ItemState.REMOVED,
    ) -> None:
        RIGHTS[right](state)
        found = state.find_items(items)
        waiting: list[ItemRow] = []
        for item_id in items:
            item = found.get(item_id)
            if item is None or item.state != ItemState.QUEUED:
                outcome.leave_out(item_id, reason_of(item))
                continue
            waiting.append(item)
        check_items(state, waiting, right)
        if waiting:
            waiting.sort(key=lambda item: item.rank)
            outcome.done += len(waiting)
            step = take_out(state, waiting, right=back or right, end=ItemState(end))
            outcome.inverse.append(step | ({"remove": right} if back else {}))


class PutBack(Restore):
    """Put removed items back, in their order, after the nearest of their earlier predecessors that is queued.

    `remove` is the right that removing them again needs; None: the same.
    """

    @staticmethod
    def take(
        state: GuildState,
        outcome: Outcome,
        *,
        runs: list[Step],
        right: str,
        remove: str | None = None,
        end: str = ItemState.REMOVED,
    ) -> None:
        RIGHTS[right](state)
        found = state.find_items(item_id for run in runs for item_id in run["items"])
        room = program.QUEUE_MAX_ITEMS - state.player.queue_total
        wanted: list[Run] = []
        put: list[ItemRow] = []
        for run, behind in zip(runs, behinds(runs), strict=True):
            back: list[UUID] = []
            for item_id in run["items"]:
                item = found.get(item_id)
                if item is None or item.state not in (ItemState.REMOVED, ItemState.SKIPPED):
                    outcome.leave_out(item_id, reason_of(item))
                elif len(put) >= room:
                    outcome.leave_out(item_id, Restoring.QUEUE_FULL)
                else:
                    back.append(item.pk)
                    put.append(item)
            if back:
                wanted.append(Run(back, behind, run["rank"]))
        check_items(state, put, right)
        if right.startswith("add"):
            for source in {item.track.source for item in put}:
                check_source(state, source)
        if not put and any(each["reason"] == Restoring.QUEUE_FULL for each in outcome.left_out):
            raise QueueFull
        outcome.done += len(put)
        if put:
            _put(state, put, find_places(state, wanted), right)
            ids = [str(item.pk) for item in put]
            step: Step = {"do": "RemoveAdded", "items": ids, "right": remove or right, "end": end}
            outcome.inverse.append(step | ({"back": right} if remove else {}))


def _put(state: GuildState, items: list[ItemRow], places: list[Spot], right: str) -> None:
    if right == "add before":
        last = queued(state.guild_id).order_by("-rank").values_list("rank", flat=True).first()
        if last is not None and min(rank for place in places for rank in place.ranks) < last:
            check_move(state)
    ranks = {pk: rank for place in places for pk, rank in zip(place.items, place.ranks, strict=True)}
    queue_again(ranks)
    back = [item._replace(state=ItemState.QUEUED, rank=ranks[item.pk], ended_at=None) for item in items]
    if len(back) == 1:
        state.count(1)
        state.append(TrackAdded(item=back[0], after=places[0].after))
        return
    back.sort(key=lambda item: item.rank)
    for part in batched(back, PART):
        state.player.queue_total += len(part)
        state.append(TracksAdded(items=list(part)))
    state.count(0)


class MoveBack(Restore):
    """Move a queued item back to its earlier place."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, item: str, behind: list[str], rank: int) -> None:
        check_move(state)
        moved = load_items(state, [item]).get(item)
        if moved is None or moved.state != ItemState.QUEUED:
            outcome.leave_out(item, reason_of(moved))
            return
        inverse = {"do": "MoveBack", "item": item} | place_of(state, moved)
        (place,) = find_places(state, [Run([moved.pk], behind, rank)])
        (moved.rank,) = place.ranks
        moved.save(update_fields=["rank"])
        state.append(TrackMoved(item=moved, after=place.after))
        outcome.done += 1
        outcome.inverse.append(inverse)


class MoveAllBack(Restore):
    """Move queued items back to their earlier places, as PutBack does with removed ones."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, runs: list[Step]) -> None:
        check_move(state)
        found = state.find_items(item_id for run in runs for item_id in run["items"])
        wanted: list[Run] = []
        waiting: list[ItemRow] = []
        for run, behind in zip(runs, behinds(runs), strict=True):
            back: list[UUID] = []
            for item_id in run["items"]:
                item = found.get(item_id)
                if item is None or item.state != ItemState.QUEUED:
                    outcome.leave_out(item_id, reason_of(item))
                else:
                    back.append(item.pk)
                    waiting.append(item)
            if back:
                wanted.append(Run(back, behind, run["rank"]))
        if not waiting:
            return
        before = sorted(((item.pk, item.rank) for item in waiting), key=lambda item: item[1])
        inverse: Step = {"do": "MoveAllBack", "runs": list(runs_of(state, before, None))}
        places = find_places(state, wanted)
        ranks = {pk: rank for place in places for pk, rank in zip(place.items, place.ranks, strict=True)}
        write_ranks(ranks)
        for part in batched(sorted(ranks.items(), key=lambda item: item[1]), PART):
            state.append(TracksMoved(ranks=list(part)))
        outcome.done += len(waiting)
        outcome.inverse.append(inverse)


class SetOrder(Restore):
    """Restore the earlier order of items. Items that were added since keep their places."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, items: list[str]) -> None:
        check_move(state)
        now = [
            (str(pk), rank) for pk, rank in queued(state.guild_id).order_by("rank").values_list("pk", "rank")
        ]
        ranks_of = dict(now)
        wanted = [item_id for item_id in items if item_id in ranks_of]
        known = set(wanted)
        places = [rank for item_id, rank in now if item_id in known]
        set_order(state, dict(zip(map(UUID, wanted), places, strict=True)))
        outcome.done += len(wanted)
        outcome.inverse.append(
            {"do": "SetOrder", "items": [item_id for item_id, _ in now if item_id in known]}
        )


def set_order(state: GuildState, ranks: dict[UUID, int]) -> None:
    """Set new ranks of queued items, and append QueueShuffled."""
    write_ranks(ranks)
    for part in batched(ranks.items(), PART):
        state.append(QueueShuffled(ranks=list(part)))


class ShowFailed(Restore):
    """Show dismissed failed items in `failed` again."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, items: list[str], right: str) -> None:
        RIGHTS[right](state)
        found = load_items(state, items)
        shown = [item for item_id in items if (item := found.get(item_id)) and item.dismissed]
        check_items(state, shown, right)
        for item in shown:
            item.dismissed = False
            item.save(update_fields=["dismissed"])
            state.append(TrackFailed(item=item))
        if shown:
            ids = [str(item.pk) for item in shown]
            outcome.done += len(ids)
            outcome.inverse.append({"do": "DismissFailed", "items": ids, "right": right})


class DismissFailed(Restore):
    """Dismiss failed items again."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, items: list[str], right: str) -> None:
        RIGHTS[right](state)
        found = load_items(state, items)
        shown = [item for item_id in items if (item := found.get(item_id)) and not item.dismissed]
        check_items(state, shown, right)
        for item in shown:
            state.dismiss(item)
        if shown:
            ids = [str(item.pk) for item in shown]
            outcome.done += len(ids)
            outcome.inverse.append({"do": "ShowFailed", "items": ids, "right": right})
