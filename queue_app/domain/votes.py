"""The vote to skip the current item."""

from __future__ import annotations

from queue_app.domain.guild_state import GuildState, opened
from queue_app.domain.policy import tally
from queue_app.domain.skip import skip_current
from queue_app.domain.undo import one_change
from queue_app.events import SkipVoted
from queue_app.models import QueueItem
from realtime.origin import BOT


def recount(guild_id: str) -> None:
    """Count the votes again after people joined or left. Only those present count, and fewer votes may be enough."""
    with opened(guild_id, origin=BOT) as state:
        if state.player.item is not None and state.player.skip_votes:
            with one_change(state):
                count_votes(state, state.player.item)


def count_votes(state: GuildState, item: QueueItem) -> None:
    """Count the votes. Skip the item if there are enough. Otherwise append an event if the numbers changed."""
    player = state.player
    votes, needed = tally(player, state.settings)
    if votes and votes >= needed:
        skip_current(state, by_vote=True)
    elif (votes, needed) != (player.skip_votes, player.skip_votes_needed):
        player.skip_votes, player.skip_votes_needed = votes, needed
        player.save(update_fields=["skip_votes", "skip_votes_needed"])
        state.append(SkipVoted(item_id=item.pk, votes=votes, needed=needed))
