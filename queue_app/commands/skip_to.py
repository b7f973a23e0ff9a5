from __future__ import annotations

from itertools import takewhile

from django.utils.translation import gettext as _

from queue_app.arguments import ItemArguments
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import JUMP, may_skip_others
from queue_app.domain.rank import queued
from queue_app.domain.remove import take_out
from queue_app.domain.skip import repeat_all, skip_current
from queue_app.errors import ItemNotFound, NotAllowed
from queue_app.events import QueueRenumbered, TrackAdded, TracksAdded, TrackSkipped, TracksSkipped
from queue_app.models import ItemState, QueueItem
from queue_app.rows import waiting_rows
from queue_app.serializers import QueueItemSerializer


class SkipTo(Command):
    """Jump to a queued item. The current track and the items in between are skipped, and stay in the history."""

    arguments = ItemArguments
    right = JUMP
    appends = {
        TrackSkipped: "for the current track",
        TracksSkipped: "with at most 200 items each",
        TrackAdded: "if the queue is repeated",
        TracksAdded: "if the queue is repeated, and many tracks are skipped",
        QueueRenumbered: "if that needs room",
    }
    result = QueueItemSerializer
    undone = "puts the skipped items back and continues the earlier track"
    many = True

    @staticmethod
    def run(state: GuildState, *, item_id: str) -> QueueItem:
        """Raises ItemNotFound or NotAllowed."""
        target = state.find_item(item_id, ItemState.QUEUED)
        if target is None:
            raise ItemNotFound
        before = queued(state.guild_id).filter(rank__lt=target.rank)
        passed = list(takewhile(lambda item: item.pk != target.pk, waiting_rows(before)))
        user = state.origin.user
        others = any(item.requested_by_id != (user and user.pk) for item in passed)
        if others and not may_skip_others(state):
            raise NotAllowed(_("Other people's tracks come first, and skipping them takes a vote."))
        current = skip_current(state)
        if passed:
            step = take_out(state, passed, right="control", end=ItemState.SKIPPED)
            state.undo.steps.append(step)
        if again := repeat_all(state, passed):
            state.undo.steps.append({"do": "RemoveAdded", "items": again, "right": "any"})
        state.undo.count = len(passed) + (current is not None)
        return target
