"""Put the tracks of a playlist in the place of the link that leads to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

from django.conf import settings as program
from django.db import transaction

from library.domain.find import save_links
from library.domain.match_lines import match_lines
from library.models import Track
from library.sources.playlists import Line
from queue_app.domain.add_many import insert
from queue_app.domain.guild_state import GuildState, open_guild
from queue_app.domain.policy import cap_left, may_use_source
from queue_app.domain.rank import at_front, ranks_behind
from queue_app.domain.turns import turn_ranks
from queue_app.errors import LeaseLost
from queue_app.events import ListOpened, TrackRequeued
from queue_app.models import Change, ItemState, Play, QueueItem
from realtime.models import Via
from realtime.origin import BOT, Origin


def open_list(guild_id: str, *, owner: str, item_id: UUID, lines: Sequence[Line]) -> tuple[int, int] | None:
    """Replace an item by the tracks of the playlist that it leads to, as one change with the one that added it.

    The rights and limits are those of its requester. Returns how many were added, and how many cannot be. None if the
    item is no longer queued or playing, or comes from a playlist itself; (0, n) if nothing can be added. In both cases
    nothing has changed. Raises LeaseLost.
    """
    found = match_lines(lines)  # reads the library, so it comes before the lock
    known = QueueItem.objects.filter(pk=item_id, guild_id=guild_id).select_related("requested_by").first()
    if known is None or known.listed:
        return None
    user = known.requested_by
    origin = Origin(user=user, via=Via.BOT, vouched=True) if user is not None else BOT
    with transaction.atomic():
        state = open_guild(guild_id, origin=origin)
        if state.player.lease_owner != owner:
            raise LeaseLost
        item = state.find_item(str(item_id), ItemState.QUEUED, ItemState.PLAYING)
        if item is None:
            return None
        tracks = _allowed(state, [track for track in found if isinstance(track, Track)])
        if tracks:
            _replace(state, item, tracks, left_out=len(found) - len(tracks))
        return len(tracks), len(found) - len(tracks)


def _allowed(state: GuildState, tracks: list[Track]) -> list[Track]:
    """Return the tracks that may be added. The link itself makes room for one."""
    sources = {track.source: may_use_source(state, track.source) for track in tracks}
    room = program.QUEUE_MAX_ITEMS - state.player.queue_total + 1
    cap = cap_left(state)
    if cap is not None:
        room = min(room, cap + 1)
    return [track for track in tracks if sources[track.source]][: max(room, 0)]


def _replace(state: GuildState, item: QueueItem, tracks: list[Track], *, left_out: int) -> None:
    if item.pk == state.player.item_id:
        item = _put_aside(state)
    item.end(ItemState.REMOVED)
    state.count(-1)
    state.append(ListOpened(item=item, added=len(tracks), left_out=left_out))
    user = item.requested_by
    if state.settings.fair_order and user is not None:
        ranks = turn_ranks(state, user.pk, len(tracks))
    else:
        ranks = ranks_behind(state, item.rank, len(tracks))
    items = insert(state, save_links(tracks), ranks, listed=True)
    _join_change(state, item, items)


def _put_aside(state: GuildState) -> QueueItem:
    """Return the current item to the front of the queue. It was not heard, so the history forgets it."""
    item = state.put_aside(rank=at_front(state).rank)
    assert item is not None
    state.count(1)
    state.append(TrackRequeued(item=item))
    Play.objects.filter(item=item).delete()
    return item


def _join_change(state: GuildState, item: QueueItem, items: Sequence[QueueItem]) -> None:
    """Let the undo of the change that added the link remove the tracks in its place."""
    old, new = str(item.pk), [str(each.pk) for each in items]
    for change in Change.objects.filter(guild_id=state.guild_id, inverse__contains=old).order_by("-seq")[:3]:
        steps = json.loads(change.inverse)
        for step in steps:
            if step["do"] == "RemoveAdded" and old in step["items"]:
                at = step["items"].index(old)
                step["items"][at : at + 1] = new
                change.count += len(new) - 1
        change.inverse = json.dumps(steps, separators=(",", ":"))
        change.save(update_fields=["inverse", "count"])
