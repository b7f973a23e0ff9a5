"""Add a track: it is in the queue before anything of it is read or played."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from library.domain.find import find_track, stand_in
from library.errors import NothingFound
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import check_move, check_source, may_skip_at_once
from queue_app.domain.rank import Place, at_end, at_front, at_turn
from queue_app.errors import NotAllowed
from queue_app.events import TrackAdded, TrackFailed, TrackSkipped
from queue_app.models import ItemState, QueueItem

POSITIONS = ("end", "next", "now")


def put(state: GuildState, *, query: str, position: str = "end", retried_id: UUID | None = None) -> QueueItem:
    """Put what `query` names into the queue, as AddTrack says. `retried_id` names the ended item that it tries again.

    Whether the asker may add is the caller's to check. Raises NotAllowed.
    """
    place = _place(state, position)
    missing: NothingFound | None = None
    try:
        track = find_track(query)
    except NothingFound as error:
        track, missing = stand_in(query), error
    check_source(state, track)
    item = QueueItem.objects.create(
        guild_id=state.guild_id,
        track=track,
        requested_by=state.origin.user,
        rank=place.rank,
    )
    state.count(1)
    state.append(TrackAdded(item=item, after=place.after, retried_id=retried_id))
    if missing is not None:
        item.end(ItemState.FAILED, code=missing.code, detail=str(missing))
        state.count(-1)
        state.append(TrackFailed(item=item))
        return item
    _wake(state)
    if position == "now" and (skipped := state.end_item(ItemState.SKIPPED)):
        state.append(TrackSkipped(item=skipped))
    return item


def _wake(state: GuildState) -> None:
    """Have a player play that had nothing to play, or nowhere."""
    player = state.player
    had_nothing = player.paused and player.item is None and state.last is None
    if player.stopped or had_nothing:
        player.stopped = player.paused = False
        player.save(update_fields=["stopped", "paused"])
        state.seek_voice(resumed=True)
    else:
        state.seek_voice()


def _place(state: GuildState, position: str) -> Place:
    """Return where a new item of the asker's stands. Raises NotAllowed."""
    if position == "end":
        user = state.origin.user
        return at_turn(state, user.pk) if state.settings.fair_order and user is not None else at_end(state)
    if state.last is not None:
        check_move(state)
    if position == "now" and state.player.item is not None and not may_skip_at_once(state):
        raise NotAllowed(
            _("Playing this now would skip the current track, which needs a vote. Add it as next instead.")
        )
    return at_front(state)
