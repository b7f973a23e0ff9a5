"""Whether the mirror of a guild is up to date. It is while the gateway connection that feeds it is up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from guilds.models import BotShard, Guild

# The bot updates its shards every few seconds. On a busy machine a few of these updates may be late.
SILENCE = timedelta(seconds=15)
# After a refresh over REST the mirror counts as fresh for this long, although later changes are not noticed.
FRESH = timedelta(seconds=60)


def shard_of(guild_id: str, count: int) -> int:
    """Return the number of the shard that receives a guild's events (docs: Gateway, Sharding)."""
    return (int(guild_id) >> 22) % count


def read_shards() -> list[BotShard]:
    return list(BotShard.objects.all())


def is_up(shard: BotShard, *, now: datetime) -> bool:
    return shard.connected and now - shard.seen_at < SILENCE


def stale_since(guild: Guild, shards: Iterable[BotShard]) -> datetime | None:
    """Return since when changes of a guild may have been missed, or None while the bot receives them.

    This is the last time that its shard was seen or that the guild was read, whichever is later. It is also None for a
    guild without the bot, where nothing is mirrored.
    """
    if not guild.bot_installed:
        return None
    now = timezone.now()
    mine = [shard for shard in shards if shard.number == shard_of(guild.pk, shard.count)]
    if any(is_up(shard, now=now) for shard in mine):
        return None
    heard_at = max((shard.seen_at for shard in mine), default=None)
    read_at = guild.mirrored_at
    if read_at is None or (heard_at is not None and read_at <= heard_at):
        return heard_at or guild.created_at
    return None if now - read_at < FRESH else read_at  # refreshed over REST since then
