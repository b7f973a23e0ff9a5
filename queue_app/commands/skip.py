from __future__ import annotations

from typing import Any

from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, may_skip_at_once
from queue_app.domain.skip import skip_current
from queue_app.domain.votes import count_votes
from queue_app.errors import NothingPlaying
from queue_app.events import QueueRenumbered, SkipVoted, TrackAdded, TrackSkipped
from queue_app.models import SkipVote
from queue_app.serializers import SkippedSerializer
from queue_app.shapes import item_shape, skip_vote_shape


class Skip(Command):
    """Skip the current track, or vote to skip it. A second vote has no effect."""

    right = Right("the requester and DJs, others by vote (`may_skip`)")
    appends = {
        TrackSkipped: "",
        SkipVoted: "if more votes are needed",
        TrackAdded: "if the queue is repeated",
        QueueRenumbered: "if that needs room",
    }
    result = SkippedSerializer
    undone = "plays the track again, from its earlier position"

    @staticmethod
    def run(state: GuildState) -> dict[str, Any]:
        """Raises NothingPlaying and NotAllowed."""
        item = state.player.item
        if item is None:
            raise NothingPlaying
        if may_skip_at_once(state):
            skip_current(state)
            return item_shape(item) | {"vote": None}
        assert state.origin.user is not None  # the bot needs no vote
        SkipVote.objects.get_or_create(item=item, user=state.origin.user)
        count_votes(state, item)
        return item_shape(item) | {"vote": skip_vote_shape(state.player)}
