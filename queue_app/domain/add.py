"""Add a track: it is in the queue before anything of it is read or played."""

from __future__ import annotations

from django.db import transaction

from queue_app.domain.find import find_track
from queue_app.domain.guild_state import open_guild
from queue_app.domain.rank import back_rank, front_rank, neighbour
from queue_app.models import ItemState, QueueItem
from realtime.origin import BOT, Origin

POSITIONS = ("end", "next", "now")


def add_track(guild_id: str, *, query: str, position: str = "end", origin: Origin) -> QueueItem:
    """Put what `query` names into the queue; `now` also skips what plays.

    A query that nothing matches makes an item all the same, which fails at once with the reason: the queue
    shows who asked for what. Adding to a stopped player starts it again, to a paused one does not.
    """
    with transaction.atomic():
        state = open_guild(guild_id, origin=origin)
        track = find_track(query)
        item = QueueItem.objects.create(
            guild_id=guild_id,
            track=track,
            requested_by=origin.user,
            rank=back_rank(guild_id) if position == "end" else front_rank(guild_id),
        )
        state.append("TrackAdded", item=item, after=neighbour(guild_id, rank=item.rank))
        if track.source == "none":
            detail = f"Nothing in the library matches “{query[:100]}”."
            item.end(ItemState.FAILED, code="NO_MATCH", detail=detail)
            state.append("TrackFailed", item=item, player=True)
            return item
        before = state.player.voice_channel_id
        after = state.settle_channel(origin.user)
        if state.player.stopped:
            state.player.stopped = False
            state.player.save(update_fields=["stopped"])
            state.append("PlayerResumed", player=True)
        elif after != before:
            state.append("VoiceChanged", player=True, by=BOT)
        if position == "now" and (skipped := state.end_item(ItemState.SKIPPED)):
            state.append("TrackSkipped", item=skipped, player=True)
        return item
