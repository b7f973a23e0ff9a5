"""Put a queued item elsewhere in the queue."""

from __future__ import annotations

from uuid import UUID

from queue_app.domain.guild_state import opened
from queue_app.domain.policy import check_move
from queue_app.domain.rank import neighbour, queued, rank_behind
from queue_app.errors import ItemNotFound
from queue_app.models import QueueItem
from realtime.origin import Origin


def move_item(guild_id: str, *, item_id: str, after: str | None, origin: Origin) -> QueueItem:
    """Put the item behind `after`; to the front when that is null or has started meanwhile.

    Where it stands already, nothing is appended. Raises NotAllowed, or ItemNotFound when one of them is queued
    no more.
    """
    with opened(guild_id, origin=origin) as state:
        check_move(state)
        found = queued(guild_id).select_related("track", "requested_by")
        item = found.filter(pk=item_id).first()
        if item is None:
            raise ItemNotFound
        target = UUID(after) if after and UUID(after) != state.player.item_id else None
        if target is not None and not found.filter(pk=target).exists():
            raise ItemNotFound("The item that it should follow is not in this queue any more.")
        if target != neighbour(guild_id, rank=item.rank):
            item.rank = rank_behind(guild_id, target, moving=item.pk)
            item.save(update_fields=["rank"])
            state.append("TrackMoved", item=item, after=str(target) if target else None)
        return item
