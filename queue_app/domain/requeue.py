"""Move an item back to the front of the queue, for operators."""

from __future__ import annotations

from queue_app.domain.guild_state import opened
from queue_app.domain.rank import at_front
from queue_app.errors import ItemNotFound
from queue_app.events import TrackRequeued
from queue_app.models import ItemState, QueueItem
from realtime.origin import Origin


def requeue(guild_id: str, *, item_id: str, origin: Origin) -> QueueItem:
    """Move an item in any other state to the front. Raises ItemNotFound if it does not exist or is already queued."""
    with opened(guild_id, origin=origin) as state:
        if str(state.player.item_id) == item_id:
            state.end_item(ItemState.SKIPPED)
        item = (
            QueueItem.objects.select_related("track", "requested_by")
            .filter(guild_id=guild_id, pk=item_id)
            .exclude(state=ItemState.QUEUED)
            .first()
        )
        if item is None:
            raise ItemNotFound
        item.state, item.rank = ItemState.QUEUED, at_front(state).rank
        item.started_at = item.ended_at = None
        item.error_code = item.error_detail = ""
        item.dismissed = False
        item.save()
        state.count(1)
        state.append(TrackRequeued(item=item))
        return item
