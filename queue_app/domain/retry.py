"""Ask once more for what failed or has played."""

from __future__ import annotations

from queue_app.domain.add import put
from queue_app.domain.guild_state import opened
from queue_app.errors import ItemNotFound
from queue_app.models import ItemState, QueueItem
from realtime.origin import Origin

ENDED = (ItemState.FAILED, ItemState.PLAYED, ItemState.SKIPPED)


def retry_item(guild_id: str, *, item_id: str, origin: Origin) -> QueueItem:
    """Add the track of an ended item again, at the end. One that failed is no longer shown. Returns the new item.

    Raises ItemNotFound, or as `add_track` does.
    """
    with opened(guild_id, origin=origin) as state:
        old = state.find_item(item_id, *ENDED)
        if old is None:
            raise ItemNotFound
        # Nothing had matched these words; there may be something by now.
        query = old.track.title if old.track.source == "none" else old.track.uri
        added = put(state, query=query or "", retried_id=str(old.pk))
        if old.state == ItemState.FAILED and not old.dismissed:
            state.dismiss(old, why="retried")
        return added
