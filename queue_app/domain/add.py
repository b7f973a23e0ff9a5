"""Add a track. It is queued before its details are read."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _

from library.domain.find import find_track, stand_in
from library.errors import NothingFound
from queue_app.domain.guild_state import GuildState, Step
from queue_app.domain.policy import check_move, check_source, may_skip_at_once
from queue_app.domain.rank import Place, at_end, at_front, behind, queued
from queue_app.domain.skip import skip_current
from queue_app.domain.turns import at_turn
from queue_app.errors import ItemNotFound, NotAllowed
from queue_app.events import TrackAdded, TrackFailed
from queue_app.models import ItemState, QueueItem
from queue_app.positions import Position


def put(
    state: GuildState, *, query: str, position: Position = "end", retried_id: UUID | None = None
) -> QueueItem:
    """Add the track that `query` names to the queue, as described in AddTrack.

    `retried_id` is the ended item that a retry replaces. The caller of this function checks whether the person may add
    tracks. Raises NotAllowed and ItemNotFound.
    """
    place = place_for(state, position)
    missing: NothingFound | None = None
    try:
        track = find_track(query)
    except NothingFound as error:
        track, missing = error.track or stand_in(query), error
    check_source(state, track.source)
    item = QueueItem.objects.create(
        guild_id=state.guild_id,
        track=track,
        requested_by=state.origin.user,
        rank=place.rank,
    )
    state.count(1)
    state.note_last(item)
    state.append(TrackAdded(item=item, after=place.after, retried_id=retried_id))
    if missing is not None:
        item.end(ItemState.FAILED, code=missing.code, detail=str(missing))
        state.count(-1)
        state.append(TrackFailed(item=item))
        return item
    start_with(state, 1, now=position == "now")
    state.undo.steps.append(remove_again([item], position))
    return item


def remove_again(items: list[QueueItem], position: Position) -> Step:
    """Return the step that removes added items. Redoing it needs the rights that adding them there needs."""
    back = "add" if position == "end" else "add before"
    return {"do": "RemoveAdded", "items": [str(item.pk) for item in items], "back": back}


def start_with(state: GuildState, added: int, *, now: bool) -> None:
    """Start the player after `added` items were added, if it has to. `now` skips the current item."""
    _wake(state, added)
    if now:
        skip_current(state)


def _wake(state: GuildState, added: int) -> None:
    """Resume a player that was stopped, or paused with nothing to play. Otherwise only find a voice channel for it."""
    player = state.player
    had_nothing = player.paused and player.item is None and player.queue_total == added
    if player.stopped or had_nothing:
        player.stopped = player.paused = False
        player.save(update_fields=["stopped", "paused"])
        state.seek_voice(resumed=True)
    else:
        state.seek_voice()


def place_for(state: GuildState, position: Position) -> Place:
    """Return the place of a new item of the person who asks. Raises NotAllowed and ItemNotFound."""
    if position == "end":
        user = state.origin.user
        return at_turn(state, user.pk) if state.settings.fair_order and user is not None else at_end(state)
    if isinstance(position, dict):
        return _place_behind(state, UUID(position["after"]))
    if state.last is not None:
        check_move(state)
    if position == "now" and state.player.item is not None and not may_skip_at_once(state):
        raise NotAllowed(
            _("Playing this now would skip the current track, which needs a vote. Add it as next instead.")
        )
    return at_front(state)


def _place_behind(state: GuildState, after: UUID) -> Place:
    if after == state.player.item_id:
        if state.last is not None:
            check_move(state)
        return at_front(state)
    waiting = queued(state.guild_id)
    low = waiting.filter(pk=after).values_list("rank", flat=True).first()
    if low is None:
        raise ItemNotFound(_("The track that it should follow is no longer in the queue."), field="position")
    if state.last is not None and state.last[0] != after:
        check_move(state)
    high = waiting.filter(rank__gt=low).order_by("rank").values_list("rank", flat=True).first()
    return behind(state, after, low=low, high=high)
