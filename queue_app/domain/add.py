"""Add a track: it is in the queue before anything of it is read or played."""

from __future__ import annotations

from uuid import UUID

from queue_app.domain.find import find_track
from queue_app.domain.guild_state import GuildState, opened
from queue_app.domain.policy import check_add, check_move, check_source, may_skip_at_once
from queue_app.domain.rank import fair_place, last_queued, queued, rank_behind
from queue_app.errors import NotAllowed
from queue_app.models import ItemState, QueueItem
from realtime.origin import BOT, Origin

POSITIONS = ("end", "next", "now")


def add_track(guild_id: str, *, query: str, position: str = "end", origin: Origin) -> QueueItem:
    """Put what `query` names into the queue; `now` also skips what plays.

    A query that nothing matches makes an item all the same, which fails at once with the reason: the queue
    shows who asked for what. Adding to a stopped player starts it again, to a paused one does not.
    Raises NotAllowed or QueueCapReached.
    """
    with opened(guild_id, origin=origin) as state:
        check_add(state)
        after = _place(state, position)
        track = find_track(query)
        check_source(state, track)
        item = QueueItem.objects.create(
            guild_id=guild_id,
            track=track,
            requested_by=origin.user,
            rank=rank_behind(guild_id, after),
        )
        state.append("TrackAdded", item=item, after=str(after) if after else None)
        if track.source == "none":
            detail = f"Nothing in the library matches “{query[:100]}”."
            item.end(ItemState.FAILED, code="NO_MATCH", detail=detail)
            state.append("TrackFailed", item=item, player=True)
            return item
        before = state.player.voice_channel_id
        settled = state.settle_channel(origin.user)
        if state.player.stopped:
            state.player.stopped = False
            state.player.save(update_fields=["stopped"])
            state.append("PlayerResumed", player=True)
        elif settled != before:
            state.append("VoiceChanged", player=True, by=BOT)
        if position == "now" and (skipped := state.end_item(ItemState.SKIPPED)):
            state.append("TrackSkipped", item=skipped, player=True)
        return item


def _place(state: GuildState, position: str) -> UUID | None:
    """Return the queued item that a new one comes behind, null at the front. Raises NotAllowed."""
    last = last_queued(state.guild_id)
    if position == "end":
        return _fair_place(state) if state.settings.fair_order else last
    if last is not None:
        check_move(state)
    if position == "now" and state.player.item is not None and not may_skip_at_once(state):
        raise NotAllowed(
            "To play it now would skip what plays, and that takes a vote. Add it as the next one."
        )
    return None


def _fair_place(state: GuildState) -> UUID | None:
    items = list(queued(state.guild_id).order_by("rank").values_list("pk", "requested_by"))
    playing = state.player.item
    place = fair_place(
        [person for _, person in items],
        current=playing.requested_by_id if playing else None,
        person=state.origin.user.pk if state.origin.user else None,
    )
    return items[place - 1][0] if place else None
