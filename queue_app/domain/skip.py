"""Skip what plays, at once or by vote."""

from __future__ import annotations

from typing import Any

from queue_app.domain.guild_state import GuildState, opened
from queue_app.domain.policy import may_skip_at_once, tally
from queue_app.errors import NothingPlaying
from queue_app.models import ItemState, QueueItem, SkipVote
from queue_app.shapes import item_shape, skip_vote_shape
from realtime.origin import BOT, Origin


def skip(guild_id: str, *, origin: Origin) -> dict[str, Any]:
    """End the current item, or vote for it; the bot starts the next.

    Returns the item's shape with `vote`: null when it was skipped, else `{votes, needed}`. Voting again changes
    nothing. Raises NothingPlaying or NotAllowed.
    """
    with opened(guild_id, origin=origin) as state:
        item = state.player.item
        if item is None:
            raise NothingPlaying
        if may_skip_at_once(state):
            _end(state)
            return item_shape(item) | {"vote": None}
        assert origin.user is not None  # the bot needs no vote
        SkipVote.objects.get_or_create(item=item, user=origin.user)
        _count(state, item)
        return item_shape(item) | {"vote": skip_vote_shape(state.player)}


def recount(guild_id: str) -> None:
    """Count again after people came or went: fewer votes may be enough now, and a vote leaves with its person."""
    with opened(guild_id, origin=BOT) as state:
        if state.player.item is not None and state.player.skip_votes:
            _count(state, state.player.item)


def _count(state: GuildState, item: QueueItem) -> None:
    """Note how the vote stands, with an event when that is new; skip when it is enough."""
    player = state.player
    votes, needed = tally(player, state.settings)
    if votes and votes >= needed:
        _end(state)
    elif (votes, needed) != (player.skip_votes, player.skip_votes_needed):
        player.skip_votes, player.skip_votes_needed = votes, needed
        player.save(update_fields=["skip_votes", "skip_votes_needed"])
        state.append("SkipVoted", item_id=str(item.pk), votes=votes, needed=needed)


def _end(state: GuildState) -> None:
    item = state.end_item(ItemState.SKIPPED)
    state.append("TrackSkipped", item=item, player=True)
