"""Take an item out of the queue."""

from __future__ import annotations

from queue_app.domain.guild_state import opened
from queue_app.errors import ItemNotFound, NotYourItem
from queue_app.models import ItemState, QueueItem
from realtime.origin import Origin


def remove_item(guild_id: str, *, item_id: str, origin: Origin) -> QueueItem:
    """Take a queued item out, or one that failed from beside the queue. Raises ItemNotFound or NotYourItem."""
    with opened(guild_id, origin=origin) as state:
        item = state.find_item(item_id, ItemState.QUEUED, ItemState.FAILED)
        if item is None or item.dismissed:
            raise ItemNotFound
        if not state.is_dj and item.requested_by_id != (origin.user and origin.user.pk):
            raise NotYourItem
        if item.state == ItemState.FAILED:
            state.dismiss(item)
        else:
            item.end(ItemState.REMOVED)
            state.count(-1)
            state.append("TrackRemoved", item=item)
        return item
