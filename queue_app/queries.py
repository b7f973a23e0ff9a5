"""Shared reads of a guild's queue and player."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple, cast
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Sum
from django.utils import timezone

from accounts.models import User
from guilds.domain.settings import load_settings
from guilds.permissions import require_member
from guilds.queries import guild_shape, voice_channels_seen_by
from guilds.shapes import voice_channel_shape
from queue_app.models import ItemState, Loop, Player, QueueItem
from queue_app.rights import rights
from queue_app.shapes import item_shape, player_shape, skip_vote_shape
from realtime.models import Store

SHOWN = 200  # items of the queue in a snapshot
FAILED_SHOWN = timedelta(minutes=10)  # pages also hide failed items after this time


def load_player(guild_id: str) -> Player:
    """Return the player with its item loaded. If the guild has none yet, return an unsaved one."""
    found = Player.objects.select_related("item__track", "item__requested_by").filter(pk=guild_id).first()
    return found or Player(pk=guild_id)


def queued_items(guild_id: str, *, limit: int, after: int | None = None) -> list[QueueItem]:
    """Return up to `limit` queued items in order, after the rank `after` if it is given."""
    items = QueueItem.objects.filter(guild_id=guild_id, state=ItemState.QUEUED)
    if after is not None:
        items = items.filter(rank__gt=after)
    return list(items.select_related("track", "requested_by").order_by("rank")[:limit])


class Waiting(NamedTuple):
    """Queued tracks: how many, and how long they play together. `ms` is None if the length of one is unknown."""

    tracks: int
    ms: int | None


def waiting(guild_id: str, *, before: int | None = None) -> Waiting:
    """Return the queued items together, or only those before the rank `before`."""
    items = QueueItem.objects.filter(guild_id=guild_id, state=ItemState.QUEUED)
    if before is not None:
        items = items.filter(rank__lt=before)
    found = items.aggregate(
        ms=Sum("track__duration_ms"), count=Count("pk"), known=Count("track__duration_ms")
    )
    return Waiting(found["count"], (found["ms"] or 0) if found["known"] == found["count"] else None)


def wait_ms(player: Player, ahead: Waiting) -> int | None:
    """Return how long the tracks ahead and the rest of the current one play, None if that is unknown or endless."""
    if player.item is None:
        return ahead.ms
    length = player.item.track.duration_ms
    if ahead.ms is None or not length or player.loop == Loop.TRACK:
        return None
    return ahead.ms + max(0, length - player.shown_position_ms)


def first_queued(guild_id: str) -> QueueItem | None:
    return (
        QueueItem.objects.filter(guild_id=guild_id, state=ItemState.QUEUED)
        .select_related("track", "requested_by")
        .order_by("rank")
        .first()
    )


def next_unresolved(guild_id: str) -> tuple[UUID, str] | None:
    """Return `(item id, uri)` of the first queued item whose track's details were not read yet.

    The bot calls this often, so the query starts at the tracks without details, which have an index of their own. With
    10,000 queued items, PostgreSQL took 38 ms when it started at the items, and 7 ms when it started at the tracks.
    """
    with connection.cursor() as cursor:
        cursor.execute(_UNRESOLVED, [guild_id])
        found = cursor.fetchone()
    if found is None:
        return None
    item_id, uri = found
    return item_id if isinstance(item_id, UUID) else UUID(item_id), uri


# SQLite reads the tables of a CROSS JOIN in the order in which they are written.
_UNRESOLVED = """
    SELECT item.id, track.uri
    FROM library_track track CROSS JOIN queue_app_queueitem item
    WHERE track.resolved_at IS NULL AND NOT track.source = 'none'
        AND item.track_id = track.id AND item.guild_id = %s AND item.state = 'queued'
    ORDER BY item.rank LIMIT 1
"""


def failed_items(guild_id: str) -> list[QueueItem]:
    """Return the items that failed within FAILED_SHOWN and were not dismissed, newest last, at most 50."""
    recent = QueueItem.objects.filter(
        guild_id=guild_id,
        state=ItemState.FAILED,
        dismissed=False,
        ended_at__gt=timezone.now() - FAILED_SHOWN,
    )
    return list(recent.select_related("track", "requested_by").order_by("-ended_at")[:50])[::-1]


def next_page(items: list[QueueItem], limit: int) -> str | None:
    """Return the `after` of the next page, or None on the last page. `items` has `limit + 1` items if there is one."""
    return str(items[limit - 1].rank) if len(items) > limit else None


@contextmanager
def one_moment() -> Iterator[None]:
    """Read everything inside from one consistent state, so that no event happens between reading `seq` and other rows.

    On PostgreSQL this is a REPEATABLE READ transaction. On SQLite every transaction sees one state, and this one does
    not wait for writers. Inside a transaction of the caller, that transaction's isolation stays.
    """
    nested, database = connection.in_atomic_block, cast(Any, connection)
    writing = None
    if connection.vendor == "sqlite" and not nested:
        database.ensure_connection()  # which sets the mode
        writing, database.transaction_mode = database.transaction_mode, "DEFERRED"
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql" and not nested:
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    finally:
        if connection.vendor == "sqlite" and not nested:
            database.transaction_mode = writing


def read_snapshot(user: User, guild_id: str) -> dict[str, Any]:
    """Return the snapshot of a guild (see docs/protocol.md), from one consistent read, with SHOWN queued items.

    `voice_channels` and `can` are those of this person (see `rights`). Raises InvalidGuildId or GuildNotFound.
    """
    with one_moment():
        membership = require_member(user, guild_id)
        store = Store.objects.get(name=f"guild:{guild_id}")
        player = load_player(guild_id)
        items = queued_items(guild_id, limit=SHOWN + 1)
        return {
            "epoch": store.epoch,
            "seq": store.head,
            "guild": guild_shape(membership),
            "voice_channels": [
                voice_channel_shape(channel) for channel in voice_channels_seen_by(membership)
            ],
            "queue": [item_shape(item) for item in items[:SHOWN]],
            "queue_total": player.queue_total if len(items) > SHOWN else len(items),
            "next": next_page(items, SHOWN),
            "failed": [item_shape(item) for item in failed_items(guild_id)],
            "player": player_shape(player),
            "skip_vote": skip_vote_shape(player),
            "can": rights(membership, load_settings(guild_id)),
        }


def attachments_in_use() -> set[str]:
    """Return the uris of the files from Discord that are queued or playing, in any guild."""
    waiting = QueueItem.objects.filter(state__in=(ItemState.QUEUED, ItemState.PLAYING))
    return set(waiting.filter(track__source="discord").values_list("track__uri", flat=True).distinct())


def guilds_with_music() -> set[str]:
    """Return the ids of guilds with a current or queued item."""
    playing = Player.objects.filter(item__isnull=False).values_list("pk", flat=True)
    waiting = QueueItem.objects.filter(state=ItemState.QUEUED).values_list("guild_id", flat=True).distinct()
    return {*playing, *waiting}
