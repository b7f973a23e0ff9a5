"""Add several tracks in one change."""

from __future__ import annotations

import random
import uuid
from itertools import batched
from typing import Any

from django.conf import settings as program
from django.utils.translation import gettext as _

from library.domain.find import find_tracks
from library.errors import NothingFound
from library.models import Track
from queue_app.domain.add import place_for, remove_again, start_with
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import cap_left, check_source
from queue_app.domain.rank import PART, Place, at_turn, front_ranks, ranks_behind
from queue_app.errors import NotAllowed, QueueCapReached, QueueFull
from queue_app.events import TracksAdded
from queue_app.left_out import Adding
from queue_app.models import QueueItem
from queue_app.positions import Position

_random = random.SystemRandom()


def put_all(state: GuildState, *, uris: list[str], position: Position, shuffle: bool) -> dict[str, Any]:
    """Add the tracks with these URIs to the queue, as described in AddTracks. Returns the result of that command.

    The caller of this function checks whether the person may add tracks.
    """
    place = place_for(state, position)  # refuses before anything is written
    wanted = _random.sample(uris, len(uris)) if shuffle else uris
    tracks, left_out = _choose(state, wanted)
    items = _insert(state, tracks, position, place)
    _announce(state, items)
    start_with(state, len(items), now=position == "now")
    state.undo.steps.append(remove_again(items, position))
    state.undo.count = len(items)
    return {"added": len(items), "item_ids": [str(item.pk) for item in items], "left_out": left_out}


def _choose(state: GuildState, uris: list[str]) -> tuple[list[Track], list[dict[str, str]]]:
    """Return the tracks that can be added, and the URIs that are left out, each with its reason.

    Raises the reason of the first one if no track can be added.
    """
    found = find_tracks(uris)
    room = program.QUEUE_MAX_ITEMS - state.player.queue_total
    cap = cap_left(state)
    tracks: list[Track] = []
    left_out: list[dict[str, str]] = []
    for uri in uris:
        track, reason = found.get(uri), ""
        if track is None:
            reason = Adding.NOTHING_FOUND
        elif not _is_allowed(state, track):
            reason = Adding.FORBIDDEN
        elif len(tracks) >= room:
            reason = Adding.QUEUE_FULL
        elif cap is not None and len(tracks) >= cap:
            reason = Adding.QUEUE_CAP_REACHED
        if track is None or reason:
            left_out.append({"uri": uri, "reason": reason})
        else:
            tracks.append(track)
    if not tracks:
        _refuse(state, found, left_out[0])
    return tracks, left_out


def _is_allowed(state: GuildState, track: Track) -> bool:
    try:
        check_source(state, track)
    except NotAllowed:
        return False
    return True


def _refuse(state: GuildState, found: dict[str, Track], first: dict[str, str]) -> None:
    match first["reason"]:
        case "FORBIDDEN":
            check_source(state, found[first["uri"]])
        case "QUEUE_FULL":
            raise QueueFull
        case "QUEUE_CAP_REACHED":
            raise QueueCapReached
    raise NothingFound(_("None of these tracks is in the library any longer."))


def _insert(state: GuildState, tracks: list[Track], position: Position, place: Place) -> list[QueueItem]:
    """Write the items, in the order of the tracks, and return them."""
    user = state.origin.user
    if position == "end" and state.settings.fair_order and user is not None:
        return [_insert_at_turn(state, track, user.pk, number) for number, track in enumerate(tracks)]
    if place.after is None and state.last is not None:
        ranks = front_ranks(state, len(tracks))
    elif place.after is None:
        ranks = list(range(0, len(tracks) << 20, 1 << 20))
    else:
        low = QueueItem.objects.filter(pk=place.after).values_list("rank", flat=True).get()
        ranks = ranks_behind(state, low, len(tracks))
    items = [_new(state, track, rank) for track, rank in zip(tracks, ranks, strict=True)]
    return QueueItem.objects.bulk_create(items, batch_size=200)


def _insert_at_turn(state: GuildState, track: Track, person: int, number: int) -> QueueItem:
    item = _new(state, track, at_turn(state, person).rank)
    item.save(force_insert=True)
    state.note_last(item)
    return item


def _new(state: GuildState, track: Track, rank: int) -> QueueItem:
    return QueueItem(
        id=uuid.uuid4(), guild_id=state.guild_id, track=track, requested_by=state.origin.user, rank=rank
    )


def _announce(state: GuildState, items: list[QueueItem]) -> None:
    ranks: dict[uuid.UUID, int] = {}
    for part in batched(items, PART):  # some may have new ranks since room was made
        ranks |= dict(QueueItem.objects.filter(pk__in=[item.pk for item in part]).values_list("pk", "rank"))
    for part in batched(items, PART):
        for item in part:
            item.rank = ranks[item.pk]
            state.note_last(item)
        state.player.queue_total += len(part)
        state.append(TracksAdded(items=list(part)))
    state.count(0)
