from __future__ import annotations

from queue_app.arguments import ItemArguments
from queue_app.commands.add_track import ADDING
from queue_app.domain.add import put
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_add
from queue_app.errors import ItemNotFound
from queue_app.events import TrackRemoved
from queue_app.models import ItemState, QueueItem
from queue_app.serializers import QueueItemSerializer

ENDED = (ItemState.FAILED, ItemState.PLAYED, ItemState.SKIPPED)


class RetryItem(Command):
    """Add the track of a failed, played or skipped item to the end of the queue again.

    A failed item is dismissed from `failed`. The result is the new item.
    """

    arguments = ItemArguments
    right = Right("`may_add`", check_add)
    appends = ADDING | {TrackRemoved: "for a failed item"}
    result = QueueItemSerializer
    undone = "removes the new item, if it is still queued"

    @staticmethod
    def run(state: GuildState, *, item_id: str) -> QueueItem:
        """Raises ItemNotFound, and what AddTrack raises."""
        old = state.find_item(item_id, *ENDED)
        if old is None:
            raise ItemNotFound
        # A track of source "none" has the words that nothing matched as its title. Something may match them now.
        query = old.track.title if old.track.source == "none" else old.track.uri
        added = put(state, query=query or "", retried_id=old.pk)
        if added.state == ItemState.FAILED:  # still nothing matches
            state.undo.steps.append({"do": "DismissFailed", "items": [str(added.pk)], "right": "own"})
        if old.state == ItemState.FAILED and not old.dismissed:
            state.dismiss(old, why="retried")
            state.undo.steps.append({"do": "ShowFailed", "items": [str(old.pk)], "right": "any"})
        return added
