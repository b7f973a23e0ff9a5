from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from queue_app.arguments import Arguments, ItemId
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


class SkipArguments(Arguments):
    item_id = ItemId(
        required=False,
        help_text=gettext_lazy("the current item; if another one plays now, nothing is skipped"),
    )


class Skip(Command):
    """Skip the current track, or vote to skip it. A second vote has no effect."""

    arguments = SkipArguments
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
    def run(state: GuildState, *, item_id: str | None = None) -> dict[str, Any]:
        """Raises NothingPlaying and NotAllowed."""
        item = state.player.item
        if item is None:
            raise NothingPlaying
        if item_id is not None and str(item.pk) != item_id:
            raise NothingPlaying(_("This track is no longer playing."))
        if may_skip_at_once(state):
            skip_current(state)
            return item_shape(item) | {"vote": None}
        assert state.origin.user is not None  # the bot needs no vote
        SkipVote.objects.get_or_create(item=item, user=state.origin.user)
        count_votes(state, item)
        return item_shape(item) | {"vote": skip_vote_shape(state.player)}
