"""Put a queued item elsewhere in the queue."""

from __future__ import annotations

from uuid import UUID

from queue_app.domain.guild_state import opened
from queue_app.domain.policy import check_move
from queue_app.domain.rank import at_front, behind, queued
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
        others = queued(guild_id).order_by("rank").values_list("pk", "rank")
        low = None
        if target is not None:
            low = others.filter(pk=target).values_list("rank", flat=True).first()
            if low is None:
                raise ItemNotFound("The item that it should follow is not in this queue any more.")
        following = (others if low is None else others.filter(rank__gt=low)).first()
        if following is None or following[0] != item.pk:
            if target is None or low is None:
                place = at_front(state)
            else:
                place = behind(state, target, low=low, high=following[1] if following else None)
            item.rank = place.rank
            item.save(update_fields=["rank"])
            state.append("TrackMoved", item=item, after=str(target) if target else None)
        return item
