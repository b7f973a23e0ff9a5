"""Read the state that a guild's card shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from guilds.channel_permissions import everybody_may_view
from guilds.models import Channel, Role
from queue_app.models import Play, Player, QueueItem
from queue_app.queries import load_player, queued_items, waiting

UP_NEXT = 3


@dataclass(frozen=True)
class Finished:
    """A queue that has ended: the number of plays and the milliseconds played since it began."""

    tracks: int
    heard_ms: int


@dataclass(frozen=True)
class Scene:
    """The state of a player. If nothing is left to play, `item` is None, and `finished` describes what was played."""

    guild_id: str
    player: Player
    item: QueueItem | None
    up_next: list[QueueItem]
    queue_total: int
    remaining_ms: int | None  # length of the queue; None if the length of a track is unknown
    channel_name: str
    finished: Finished | None

    @property
    def artwork(self) -> str:
        """The name of the artwork's file, or "" if there is none."""
        return self.item.track.artwork if self.item is not None else ""


def read_scene(guild_id: str, *, began_at: datetime | None) -> Scene:
    player = load_player(guild_id)
    items = queued_items(guild_id, limit=UP_NEXT)
    item = player.item or (items[0] if items else None)
    channel_id = player.connected_channel_id or player.voice_channel_id
    channel = Channel.objects.filter(pk=channel_id).first() if channel_id else None
    return Scene(
        guild_id=guild_id,
        player=player,
        item=item,
        up_next=items if player.item is not None else items[1:],
        queue_total=player.queue_total,
        remaining_ms=waiting(guild_id).ms,
        channel_name=channel.name if channel and _is_public(channel) else "",
        finished=None if item is not None else _finished(guild_id, began_at),
    )


def _is_public(channel: Channel) -> bool:
    """Whether everybody in the server may know about a channel: the card is seen by all who see its own channel."""
    everyone = Role.objects.filter(pk=channel.guild_id).values_list("permissions", flat=True).first()
    return everyone is not None and everybody_may_view(channel, everyone)


def _finished(guild_id: str, began_at: datetime | None) -> Finished:
    plays = Play.objects.filter(guild_id=guild_id)
    if began_at is not None:
        plays = plays.filter(started_at__gte=began_at)
    heard = plays.aggregate(heard=Sum("heard_ms"))["heard"] or 0
    return Finished(plays.count(), heard)


def heard_between(guild_id: str, since: datetime, until: datetime | None) -> list[str]:
    """Return the URIs of the tracks that started in that time, in order, without duplicates."""
    plays = Play.objects.filter(guild_id=guild_id, started_at__gte=since).exclude(track__source="none")
    if until is not None:
        plays = plays.filter(started_at__lt=until)
    return list(dict.fromkeys(plays.order_by("started_at", "pk").values_list("track__uri", flat=True)))
