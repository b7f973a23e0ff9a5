"""How far the mirror can be trusted: is the gateway connection that feeds it up?"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from guilds.models import BotShard, Guild

# The bot says every few seconds that it is there; a few of these may be late on a busy machine.
SILENCE = timedelta(seconds=15)
# Re-read over REST, the mirror counts as fresh for so long, although nothing will tell of the next change.
FRESH = timedelta(seconds=60)


def shard_of(guild_id: str, count: int) -> int:
    """Return the number of the shard that hears of a guild (docs: Gateway, Sharding)."""
    return (int(guild_id) >> 22) % count


def read_shards() -> list[BotShard]:
    return list(BotShard.objects.all())


def is_up(shard: BotShard, *, now: datetime) -> bool:
    return shard.connected and now - shard.seen_at < SILENCE


def stale_since(guild: Guild, shards: Iterable[BotShard]) -> datetime | None:
    """Return since when changes of a guild may have been missed; null while the bot hears of them.

    That is when its shard was last heard of or, if later, when the guild was last read. Null too where there is no
    bot: nothing is mirrored there.
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
    return None if now - read_at < FRESH else read_at  # re-read since then
