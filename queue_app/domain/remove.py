"""Take an item out of the queue."""

from __future__ import annotations

from queue_app.domain.guild_state import opened
from queue_app.errors import ItemNotFound, NotYourItem
from queue_app.models import ItemState, QueueItem
from realtime.origin import Origin


def remove_item(guild_id: str, *, item_id: str, origin: Origin) -> QueueItem:
    """Raises ItemNotFound (also when it is not queued any more) or NotYourItem."""
    with opened(guild_id, origin=origin) as state:
        item = (
            QueueItem.objects.select_related("track", "requested_by")
            .filter(guild_id=guild_id, pk=item_id, state=ItemState.QUEUED)
            .first()
        )
        if item is None:
            raise ItemNotFound
        if not state.is_dj and item.requested_by_id != (origin.user and origin.user.pk):
            raise NotYourItem
        item.end(ItemState.REMOVED)
        state.append("TrackRemoved", item=item)
        return item
