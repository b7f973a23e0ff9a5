from __future__ import annotations

from itertools import takewhile

from queue_app.arguments import ItemArguments
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import JUMP
from queue_app.domain.rank import queued
from queue_app.domain.remove import take_out
from queue_app.domain.skip import skip_current
from queue_app.errors import ItemNotFound
from queue_app.events import QueueRenumbered, TrackAdded, TrackSkipped, TracksSkipped
from queue_app.models import ItemState, QueueItem
from queue_app.serializers import QueueItemSerializer


class SkipTo(Command):
    """Jump to a queued item. What it passes over is skipped, and stays in the history."""

    arguments = ItemArguments
    right = JUMP
    appends = {
        TrackSkipped: "of the current track",
        TracksSkipped: "of at most 200 items each",
        TrackAdded: "when the queue loops",
        QueueRenumbered: "to make room for that",
    }
    result = QueueItemSerializer
    undone = "puts back what was passed over and continues the track before"

    @staticmethod
    def run(state: GuildState, *, item_id: str) -> QueueItem:
        """Raises ItemNotFound."""
        target = state.find_item(item_id, ItemState.QUEUED)
        if target is None:
            raise ItemNotFound
        before = queued(state.guild_id).filter(rank__lt=target.rank).order_by("rank")
        passed = list(takewhile(lambda item: item.pk != target.pk, before.only("pk", "rank")))
        current = skip_current(state)
        if passed:
            step = take_out(state, passed, right="control", end=ItemState.SKIPPED)
            state.undo.steps.append(step)
        state.undo.count = len(passed) + (current is not None)
        return target
