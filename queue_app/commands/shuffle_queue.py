from __future__ import annotations

import random
from typing import Any

from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_move
from queue_app.domain.rank import queued
from queue_app.domain.restore.queue import set_order
from queue_app.events import QueueShuffled
from queue_app.serializers import ShuffledSerializer

_random: random.Random = random.SystemRandom()


class ShuffleQueue(Command):
    """Put the queue in a random order."""

    right = Right("`may_move`", check_move)
    appends = {QueueShuffled: "with at most 200 items each"}
    result = ShuffledSerializer
    undone = "restores the earlier order"
    many = True
    reads_queue = True

    @staticmethod
    def run(state: GuildState) -> dict[str, Any]:
        waiting = list(queued(state.guild_id).order_by("rank").values_list("pk", "rank"))
        ids, ranks = [pk for pk, _ in waiting], [rank for _, rank in waiting]
        shuffled = _random.sample(ids, len(ids))
        if len(ids) > 1 and shuffled == ids:
            shuffled = [*ids[1:], ids[0]]  # people expect a visible change
        if len(ids) > 1:
            set_order(state, dict(zip(shuffled, ranks, strict=True)))
            state.undo.steps.append({"do": "SetOrder", "items": [str(pk) for pk in ids]})
            state.undo.count = len(ids)
        return {"shuffled": len(ids)}
