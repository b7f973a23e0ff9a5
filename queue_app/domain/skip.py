"""Skip what plays."""

from __future__ import annotations

from django.db import transaction

from queue_app.domain.guild_state import open_guild
from queue_app.errors import NothingPlaying
from queue_app.models import ItemState, QueueItem
from realtime.origin import Origin


def skip(guild_id: str, *, origin: Origin) -> QueueItem:
    """End the current item; the bot starts the next. Raises NothingPlaying."""
    with transaction.atomic():
        state = open_guild(guild_id, origin=origin)
        item = state.end_item(ItemState.SKIPPED)
        if item is None:
            raise NothingPlaying
        state.append("TrackSkipped", item=item, player=True)
        return item
