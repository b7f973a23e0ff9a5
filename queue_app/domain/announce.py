"""Change all guilds that have a track in their queue: its details were read, or its file was deleted."""

from __future__ import annotations

from django.db import transaction

from library.models import Track
from queue_app.domain.guild_state import GuildState, open_guild
from queue_app.domain.remove import take_out_where
from queue_app.events import TrackResolved
from queue_app.models import ItemState, QueueItem
from realtime.origin import BOT


def announce_resolved(state: GuildState, track: Track) -> None:
    """Append a TrackResolved for each queued or playing item of the guild with this track."""
    items = QueueItem.objects.filter(
        guild_id=state.guild_id, track=track, state__in=(ItemState.QUEUED, ItemState.PLAYING)
    )
    for item in items.select_related("track", "requested_by"):
        state.append(TrackResolved(item=item))


def announce_track(track: Track, *, besides: str = "") -> None:
    """Append TrackResolved in every guild that has the track in its queue, except in the guild `besides`.

    Each guild has its own transaction, because two processes that lock several stores could deadlock.
    """
    guild_ids = (
        QueueItem.objects.filter(track=track, state__in=(ItemState.QUEUED, ItemState.PLAYING))
        .exclude(guild_id=besides)
        .values_list("guild_id", flat=True)
        .order_by("guild_id")
        .distinct()
    )
    for guild_id in list(guild_ids):
        with transaction.atomic():
            announce_resolved(open_guild(guild_id, origin=BOT), track)


def remove_track(track: Track) -> None:
    """Remove a track from the queue of every guild. What plays continues, because its file is open."""
    waiting = QueueItem.objects.filter(track=track, state=ItemState.QUEUED)
    for guild_id in list(waiting.values_list("guild_id", flat=True).order_by("guild_id").distinct()):
        with transaction.atomic():
            take_out_where(open_guild(guild_id, origin=BOT), lambda item: item.track_id == track.pk)
