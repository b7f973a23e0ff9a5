"""Add several tracks in one change."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from itertools import batched
from operator import itemgetter
from typing import Any

from django.conf import settings as program
from django.utils.translation import gettext as _

from library.domain.find import save_links
from library.domain.whole import Wanted
from library.errors import NothingFound
from library.models import Track
from queue_app.domain.add import place_for, remove_again, start_with
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import cap_left, check_source
from queue_app.domain.rank import PART, Place, front_ranks, ranks_behind
from queue_app.domain.turns import turn_ranks
from queue_app.errors import NotAllowed, QueueCapReached, QueueFull
from queue_app.events import TracksAdded
from queue_app.left_out import Adding
from queue_app.models import QueueItem
from queue_app.positions import Position

_random: random.Random = random.SystemRandom()


def put_all(
    state: GuildState, tracks: Sequence[Wanted], *, position: Position, shuffle: bool
) -> dict[str, Any]:
    """Add tracks to the queue, as described in AddTracks. Returns the result of that command.

    The caller of this function checks whether the person may add tracks.
    """
    user = state.origin.user
    find_ranks: Callable[[int], list[int]]
    if position == "end" and state.settings.fair_order and user is not None:
        find_ranks = partial(turn_ranks, state, user.pk)
    else:
        find_ranks = partial(
            _ranks_at, state, place_for(state, position)
        )  # refuses before anything is written
    wanted = _random.sample(tracks, len(tracks)) if shuffle else tracks
    chosen, left_out = _choose(state, wanted)
    items = insert(state, save_links(chosen), find_ranks(len(chosen)))
    start_with(state, len(items), now=position == "now")
    state.undo.steps.append(remove_again(items, position))
    state.undo.count = len(items)
    return {"added": len(items), "item_ids": [str(item.pk) for item in items], "left_out": left_out}


def _choose(state: GuildState, wanted: Sequence[Wanted]) -> tuple[list[Track], list[dict[str, str]]]:
    """Return the tracks that can be added, and the URIs that are left out, each with its reason.

    Tracks of new links are not saved yet. Raises the reason of the first one if no track can be added.
    """
    sources = {track.source for _uri, track in wanted if track is not None}
    allowed = {source: _is_allowed(state, source) for source in sources}
    limits = [(program.QUEUE_MAX_ITEMS - state.player.queue_total, Adding.QUEUE_FULL)]
    if (cap := cap_left(state)) is not None:
        limits.append((cap, Adding.QUEUE_CAP_REACHED))
    room, full = min(limits, key=itemgetter(0))
    tracks: list[Track] = []
    left_out: list[dict[str, str]] = []
    for uri, track in wanted:
        if track is None:
            left_out.append({"uri": uri, "reason": Adding.NOTHING_FOUND})
        elif not allowed[track.source]:
            left_out.append({"uri": uri, "reason": Adding.FORBIDDEN})
        elif len(tracks) >= room:
            left_out.append({"uri": uri, "reason": full})
        else:
            tracks.append(track)
    if not tracks:
        _refuse(state, dict(wanted), left_out[0])
    return tracks, left_out


def _is_allowed(state: GuildState, source: str) -> bool:
    try:
        check_source(state, source)
    except NotAllowed:
        return False
    return True


def _refuse(state: GuildState, wanted: dict[str, Track | None], first: dict[str, str]) -> None:
    match first["reason"]:
        case "FORBIDDEN" if (track := wanted[first["uri"]]) is not None:
            check_source(state, track.source)
        case "QUEUE_FULL":
            raise QueueFull
        case "QUEUE_CAP_REACHED":
            raise QueueCapReached
    raise NothingFound(_("None of these tracks is in the library any longer."))


def _ranks_at(state: GuildState, place: Place, count: int) -> list[int]:
    if place.after is None:
        return front_ranks(state, count)
    low = QueueItem.objects.filter(pk=place.after).values_list("rank", flat=True).get()
    return ranks_behind(state, low, count)


def insert(
    state: GuildState, tracks: list[Track], ranks: list[int], *, listed: bool = False
) -> list[QueueItem]:
    """Write the items, in the order of the tracks, append their events, and return them."""
    items = [
        QueueItem(
            id=uuid.uuid4(),
            guild_id=state.guild_id,
            track=track,
            requested_by=state.origin.user,
            rank=rank,
            listed=listed,
        )
        for track, rank in zip(tracks, ranks, strict=True)
    ]
    QueueItem.objects.bulk_create(items, batch_size=PART)
    for part in batched(items, PART):
        state.player.queue_total += len(part)
        state.append(TracksAdded(items=list(part)))
    state.count(0)
    state.note_last(items[-1])
    return items
