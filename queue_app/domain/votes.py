"""The vote to skip what plays."""

from __future__ import annotations

from queue_app.domain.guild_state import GuildState, opened
from queue_app.domain.policy import tally
from queue_app.events import SkipVoted, TrackSkipped
from queue_app.models import ItemState, QueueItem
from realtime.origin import BOT


def recount(guild_id: str) -> None:
    """Count again after people came or went: fewer votes may be enough now, and a vote leaves with its person."""
    with opened(guild_id, origin=BOT) as state:
        if state.player.item is not None and state.player.skip_votes:
            count_votes(state, state.player.item)


def count_votes(state: GuildState, item: QueueItem) -> None:
    """Note how the vote stands, with an event when that is new; skip when it is enough."""
    player = state.player
    votes, needed = tally(player, state.settings)
    if votes and votes >= needed:
        skip_current(state)
    elif (votes, needed) != (player.skip_votes, player.skip_votes_needed):
        player.skip_votes, player.skip_votes_needed = votes, needed
        player.save(update_fields=["skip_votes", "skip_votes_needed"])
        state.append(SkipVoted(item_id=item.pk, votes=votes, needed=needed))


def skip_current(state: GuildState) -> None:
    if (item := state.end_item(ItemState.SKIPPED)) is not None:
        state.append(TrackSkipped(item=item))
