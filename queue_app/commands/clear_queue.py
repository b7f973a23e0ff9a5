from __future__ import annotations

from itertools import batched

from django.utils import timezone

from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_clear
from queue_app.domain.rank import PART, queued
from queue_app.events import QueueCleared, TrackRemoved
from queue_app.models import ItemState
from queue_app.queries import failed_items
from queue_app.serializers import ClearedSerializer


class ClearQueue(Command):
    """Remove every track that waits, and dismiss those that failed; what plays goes on."""

    right = Right("`may_clear`", check_clear)
    appends = {QueueCleared: "of at most 200 items each", TrackRemoved: "of each item in `failed`"}
    result = ClearedSerializer

    @staticmethod
    def run(state: GuildState) -> dict[str, int]:
        waiting = queued(state.guild_id)
        ids = list(waiting.order_by("rank").values_list("pk", flat=True))
        waiting.update(state=ItemState.REMOVED, ended_at=timezone.now())
        state.player.queue_total = len(ids)
        for part in batched(ids, PART):
            state.player.queue_total -= len(part)
            state.append(QueueCleared(item_ids=list(part)))
        state.count(0)
        failed = failed_items(state.guild_id)
        for item in failed:
            state.dismiss(item, why="cleared")
        return {"removed": len(ids)} | ({"dismissed": len(failed)} if failed else {})
