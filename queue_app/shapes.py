"""Items and players as REST and events show them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.shapes import user_shape
from library.shapes import track_shape
from queue_app.models import Play, Player, QueueItem
from queue_app.rows import ItemRow


def item_shape(item: QueueItem | ItemRow) -> dict[str, Any]:
    """Return an item in its shape. `item.track` and `item.requested_by` should be loaded."""
    return {
        "id": str(item.pk),
        "track": track_shape(item.track),
        "requested_by": user_shape(item.requested_by) if item.requested_by else None,
        "state": item.state,
        "rank": item.rank,
        "added_at": iso(item.added_at),
        "started_at": iso(item.started_at),
        "ended_at": iso(item.ended_at),
        "error": {"code": item.error_code, "detail": item.error_detail} if item.error_code else None,
    }


def player_shape(player: Player) -> dict[str, Any]:
    """Return the player as of now. `player.item` should be loaded, with its track and requester."""
    silence = player.silence
    return {
        "status": str(player.status),
        "item": item_shape(player.item) if player.item else None,
        "position_ms": player.shown_position_ms,
        "position_at": iso(timezone.now()),
        "volume": player.volume,
        "loop": player.loop,
        "voice_channel_id": player.voice_channel_id,
        "error": {"code": silence[0], "detail": silence[1]} if silence else None,
    }


def play_shape(play: Play, player: Player, *, plays: int) -> dict[str, Any]:
    """Return a play in its shape. `play.item` should be loaded, with its track and requester, and `skipped_by`.

    `plays` is the number of plays of the track in the guild.
    """
    heard_ms = play.heard_ms
    if play.ended_at is None and player.item_id == play.item_id:
        heard_ms += max(0, player.current_position_ms - play.from_ms)
    return {
        "id": str(play.pk),
        "item": item_shape(play.item),
        "started_at": iso(play.started_at),
        "ended_at": iso(play.ended_at),
        "heard_ms": heard_ms,
        "state": play.outcome or play.item.state,
        "skipped_by": user_shape(play.skipped_by) if play.skipped_by else None,
        "by_vote": play.by_vote,
        "plays": plays,
    }


def skip_vote_shape(player: Player) -> dict[str, int] | None:
    """Return the votes to skip the current item, or None if nobody has voted."""
    if not player.skip_votes:
        return None
    return {"votes": player.skip_votes, "needed": player.skip_votes_needed}


def iso(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
