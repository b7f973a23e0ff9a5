from __future__ import annotations

from queue_app.arguments import ItemArguments
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right
from queue_app.domain.remove import take_out
from queue_app.errors import ItemNotFound, NotYourItem
from queue_app.events import TrackRemoved
from queue_app.models import ItemState, QueueItem
from queue_app.serializers import QueueItemSerializer


class RemoveItem(Command):
    """Remove a queued or failed item."""

    arguments = ItemArguments
    right = Right("the requester and DJs")
    appends = {TrackRemoved: ""}
    result = QueueItemSerializer
    undone = "puts it back in its place"

    @staticmethod
    def run(state: GuildState, *, item_id: str) -> QueueItem:
        """Raises ItemNotFound and NotYourItem."""
        item = state.find_item(item_id, ItemState.QUEUED, ItemState.FAILED)
        if item is None or item.dismissed:
            raise ItemNotFound
        user = state.origin.user
        if not state.is_dj and item.requested_by_id != (user and user.pk):
            raise NotYourItem
        if item.state == ItemState.FAILED:
            state.dismiss(item)
            state.undo.steps.append({"do": "ShowFailed", "items": [str(item.pk)], "right": "own"})
        else:
            state.undo.steps.append(take_out(state, [item], right="own"))
        return item
