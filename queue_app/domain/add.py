"""Add a track: it is in the queue before anything of it is read or played."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Max, Min
from django.utils import timezone

from queue_app.domain.find import find_track
from queue_app.domain.guild_state import GuildState, open_guild
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
            rank=_make_room(state, at_front=position != "end"),
        )
        state.append("TrackAdded", item=item, after=_neighbour(state, item))
        if track.source == "none":
            item.state, item.ended_at = ItemState.FAILED, timezone.now()
            item.error_code, item.error_detail = (
                "NO_MATCH",
                f"Nothing in the library matches “{query[:100]}”.",
            )
            item.save(update_fields=["state", "ended_at", "error_code", "error_detail"])
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


def _make_room(state: GuildState, *, at_front: bool) -> int:
    """Return the rank of a new item. Ranks only order; below zero is as good as above."""
    ranks = QueueItem.objects.filter(guild_id=state.guild_id, state=ItemState.QUEUED).aggregate(
        first=Min("rank"), last=Max("rank")
    )
    if ranks["last"] is None:
        return 0
    return int(ranks["first"] - 1) if at_front else int(ranks["last"] + 1)


def _neighbour(state: GuildState, item: QueueItem) -> str | None:
    """Return the id of the queued item that the new one stands behind."""
    before = (
        QueueItem.objects.filter(guild_id=state.guild_id, state=ItemState.QUEUED, rank__lt=item.rank)
        .order_by("-rank")
        .values_list("pk", flat=True)
        .first()
    )
    return str(before) if before else None
