from __future__ import annotations

from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState, Step
from queue_app.domain.policy import JUMP
from queue_app.domain.rank import at_front
from queue_app.domain.restore.current import remembered
from queue_app.domain.seek import seek
from queue_app.domain.skip import take_back_repeats
from queue_app.errors import NoPrevious
from queue_app.events import PlayerSeeked, TrackRemoved, TrackRequeued, TrackStarted
from queue_app.models import ItemState, Player, QueueItem
from queue_app.serializers import PlayerSerializer

AGAIN_MS = 3_000  # after this position, the current track starts over, as in other players


class Previous(Command):
    """Go back to the previous track, or start the current one over if more than 3 seconds of it have played.

    The current track moves to the front of the queue, and will start from its beginning.
    """

    right = JUMP
    appends = {
        TrackRequeued: "for the current track",
        TrackRemoved: "for its copy that the loop had added",
        TrackStarted: "",
        PlayerSeeked: "if the current track starts over",
    }
    result = PlayerSerializer
    undone = "returns to the earlier track and position"

    @staticmethod
    def run(state: GuildState) -> Player:
        """Raises NoPrevious."""
        player = state.player
        current = player.item
        if current is not None and player.current_position_ms > AGAIN_MS and not current.track.is_live:
            position_ms = seek(state, 0)
            state.undo.steps.append({"do": "SeekBack", "item": str(current.pk), "position_ms": position_ms})
            return player
        item = _before(state.guild_id)
        if item is None:
            raise NoPrevious
        step: Step = {"do": "SetCurrent", "item": None, "brought": remembered(item)}
        if current is not None:
            state.put_aside(rank=at_front(state).rank)
            step |= {"item": str(current.pk), "position_ms": state.ended_at_ms}
            current.resume_ms = 0
            current.save(update_fields=["resume_ms"])
            state.count(1)
            state.append(TrackRequeued(item=current))
        copies = take_back_repeats(state, item)
        state.play(item, position_ms=0)
        state.append(TrackStarted(item=item))
        # First the copies: the current track may be one, which then waits to be the current one again.
        state.undo.steps += [*([copies] if copies else []), step]
        return player


def _before(guild_id: str) -> QueueItem | None:
    """Return the item that ended last. An item that plays again is not ended, so `Previous` can go further back."""
    ended = QueueItem.objects.filter(guild_id=guild_id, state__in=(ItemState.PLAYED, ItemState.SKIPPED))
    heard = ended.filter(started_at__isnull=False).select_related("track", "requested_by")
    return heard.order_by("-ended_at").first()
