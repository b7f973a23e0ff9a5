"""Shared reads of a guild's queue and player."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from guilds.domain.settings import load_settings
from guilds.permissions import require_member
from guilds.queries import guild_shape
from guilds.shapes import voice_channels_shape
from queue_app.domain.policy import rights
from queue_app.models import ItemState, Player, QueueItem
from queue_app.shapes import item_shape, player_shape, skip_vote_shape
from realtime.models import Store

FAILED_SHOWN = timedelta(minutes=10)  # pages drop it by themselves then


def load_player(guild_id: str) -> Player:
    """Return the player with its item, unsaved when the guild never had one."""
    found = Player.objects.select_related("item__track", "item__requested_by").filter(pk=guild_id).first()
    return found or Player(pk=guild_id)


def queued_items(guild_id: str) -> list[QueueItem]:
    return list(
        QueueItem.objects.filter(guild_id=guild_id, state=ItemState.QUEUED)
        .select_related("track", "requested_by")
        .order_by("rank")
    )


def first_queued(guild_id: str) -> QueueItem | None:
    return (
        QueueItem.objects.filter(guild_id=guild_id, state=ItemState.QUEUED)
        .select_related("track", "requested_by")
        .order_by("rank")
        .first()
    )


def failed_items(guild_id: str) -> list[QueueItem]:
    """Return what failed within FAILED_SHOWN and was neither retried nor removed, newest last, 50 at most."""
    recent = QueueItem.objects.filter(
        guild_id=guild_id,
        state=ItemState.FAILED,
        dismissed=False,
        ended_at__gt=timezone.now() - FAILED_SHOWN,
    )
    return list(recent.select_related("track", "requested_by").order_by("-ended_at")[:50])[::-1]


@contextmanager
def one_moment() -> Iterator[None]:
    """Read everything inside as of one moment: between two reads no event may slip in that `seq` does not tell of.

    One REPEATABLE READ transaction; SQLite's see one state anyway. Inside a transaction of the caller, which
    has read already, that one's isolation stays.
    """
    nested = connection.in_atomic_block
    with transaction.atomic():
        if connection.vendor == "postgresql" and not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def read_snapshot(user: User, guild_id: str) -> dict[str, Any]:
    """Return `{epoch, seq, guild, voice_channels, queue, failed, player, skip_vote, can}` as of one moment.

    `can` is this person's (see `policy.rights`). Raises InvalidGuildId or GuildNotFound.
    """
    with one_moment():
        membership = require_member(user, guild_id)
        store = Store.objects.get(name=f"guild:{guild_id}")
        player = load_player(guild_id)
        return {
            "epoch": store.epoch,
            "seq": store.head,
            "guild": guild_shape(membership),
            "voice_channels": voice_channels_shape(guild_id),
            "queue": [item_shape(item) for item in queued_items(guild_id)],
            "failed": [item_shape(item) for item in failed_items(guild_id)],
            "player": player_shape(player),
            "skip_vote": skip_vote_shape(player),
            "can": rights(membership, load_settings(guild_id)),
        }


def guilds_with_music() -> set[str]:
    """Return the ids of guilds where something plays or waits to be played."""
    playing = Player.objects.filter(item__isnull=False).values_list("pk", flat=True)
    waiting = QueueItem.objects.filter(state=ItemState.QUEUED).values_list("guild_id", flat=True).distinct()
    return {*playing, *waiting}
