"""Clear the queue, and the failed tracks shown beside it; what plays goes on."""

from __future__ import annotations

from itertools import batched

from django.utils import timezone

from queue_app.domain.guild_state import opened
from queue_app.domain.policy import check_clear
from queue_app.domain.rank import PART, queued
from queue_app.models import ItemState
from queue_app.queries import failed_items
from realtime.origin import Origin


def clear_queue(guild_id: str, *, origin: Origin) -> dict[str, int]:
    """Take every queued item out, and dismiss what failed lately. Returns `{removed, dismissed}`, how many of each.

    `dismissed` is there when something was. Where there is neither, nothing is appended. Raises NotAllowed.
    """
    with opened(guild_id, origin=origin) as state:
        check_clear(state)
        waiting = queued(guild_id)
        ids = [str(pk) for pk in waiting.order_by("rank").values_list("pk", flat=True)]
        waiting.update(state=ItemState.REMOVED, ended_at=timezone.now())
        state.player.queue_total = len(ids)
        for part in batched(ids, PART):
            state.player.queue_total -= len(part)
            state.append("QueueCleared", item_ids=list(part))
        state.count(0)
        failed = failed_items(guild_id)
        for item in failed:
            state.dismiss(item, why="cleared")
        return {"removed": len(ids)} | ({"dismissed": len(failed)} if failed else {})
