"""Skip the current item, and add it again if the loop is set to the queue."""

from __future__ import annotations

from itertools import batched

from django.db.models import prefetch_related_objects

from queue_app.domain.guild_state import GuildState, Step
from queue_app.domain.rank import PART, STEP, at_end, queued
from queue_app.domain.remove import take_out
from queue_app.domain.turns import at_turn
from queue_app.events import TrackAdded, TracksAdded, TrackSkipped
from queue_app.models import ItemState, Loop, QueueItem
from queue_app.rows import WaitingRow
from realtime.origin import BOT


def skip_current(state: GuildState, *, by_vote: bool = False) -> QueueItem | None:
    """Skip the current item. Returns it, or None if there is none. Undo plays it again from its earlier position."""
    item = state.end_item(ItemState.SKIPPED, by_vote=by_vote)
    if item is None:
        return None
    state.append(TrackSkipped(item=item))
    state.undo.steps.append(play_again(state, item))
    if by_vote:
        state.undo.by_vote, state.undo.requester = True, item.requested_by
    if (again := repeat(state, item)) is not None:
        # Anybody who may undo the skip may remove it, also if somebody else requested the track.
        state.undo.steps.append({"do": "RemoveAdded", "items": [str(again.pk)], "right": "any"})
    return item


def play_again(state: GuildState, item: QueueItem) -> Step:
    """Return the step that plays the item that was just taken off the player, from its earlier position."""
    ended_at = item.ended_at.isoformat() if item.ended_at else None
    return {"do": "SetCurrent", "item": str(item.pk), "position_ms": state.ended_at_ms, "ended_at": ended_at}


def repeat(state: GuildState, item: QueueItem | WaitingRow) -> QueueItem | None:
    """Add an ended item again if the loop is set to the queue, without limits. Returns the new item.

    It goes to the end, or to its turn if people take turns.
    """
    if state.player.loop != Loop.QUEUE:
        return None
    person = item.requested_by_id
    place = at_turn(state, person) if state.settings.fair_order and person is not None else at_end(state)
    again = QueueItem.objects.create(
        guild_id=state.guild_id,
        track_id=item.track_id,
        requested_by_id=item.requested_by_id,
        repeats_id=item.pk,
        rank=place.rank,
    )
    state.count(1)
    state.note_last(again)
    state.append(TrackAdded(item=again, after=place.after), by=BOT)
    return again


def repeat_all(state: GuildState, items: list[WaitingRow]) -> list[str]:
    """Do the same with items that a jump skipped, in their order. Returns the ids of the new items.

    Many go to the end, also if people take turns: finding a turn for each of thousands would take a minute.
    """
    if state.player.loop != Loop.QUEUE or not items:
        return []
    if len(items) <= PART:
        return [str(again.pk) for item in items if (again := repeat(state, item)) is not None]
    rank = at_end(state).rank
    copies = [
        QueueItem(
            guild_id=state.guild_id,
            track_id=item.track_id,
            requested_by_id=item.requested_by_id,
            repeats_id=item.pk,
            rank=rank + STEP * number,
        )
        for number, item in enumerate(items)
    ]
    QueueItem.objects.bulk_create(copies, batch_size=PART)
    for part in batched(copies, PART):
        prefetch_related_objects(part, "track", "requested_by")
        state.player.queue_total += len(part)
        state.append(TracksAdded(items=list(part)), by=BOT)
    state.count(0)
    state.note_last(copies[-1])
    return [str(item.pk) for item in copies]


def take_back_repeats(state: GuildState, item: QueueItem) -> Step | None:
    """Remove what the loop added for an item that plays again. Returns the step that puts it back, None without one."""
    waiting = (
        queued(state.guild_id).filter(repeats=item).select_related("track", "requested_by").order_by("rank")
    )
    copies = list(waiting)
    return take_out(state, copies, right="any") if copies else None
