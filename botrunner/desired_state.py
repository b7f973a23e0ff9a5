"""What a guild should be playing: the columns of its player's row that commands write, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from botrunner.channel_status import status_of
from botrunner.labels import label
from database.prepared import Prepared
from guilds.models import GuildSettings
from queue_app.domain import playback
from queue_app.domain.empty_channel import ChannelChange, compare_channel
from queue_app.domain.policy import tally
from queue_app.models import ItemState, Player, QueueItem
from queue_app.queries import next_unresolved


@dataclass(frozen=True)
class DesiredState:
    """A snapshot, from one query."""

    channel_id: str | None
    paused: bool
    stopped: bool
    volume: int
    item_id: UUID | None
    uri: str
    resolved: bool
    position_ms: int
    jumps: int  # a track that was opened before the last one is at the wrong place
    error_code: str
    error_detail: str
    looks_for_channel: bool
    waiting: bool  # something is queued
    unresolved: bool  # a queued track's metadata has not been read yet
    channel_change: ChannelChange  # whether people joined the bot's channel, or all of them left
    status: str  # the text to show at the voice channel, "" for none
    recount: bool  # the stored vote count is out of date

    @property
    def needs_source(self) -> bool:
        """Whether the current item should be open."""
        return self.item_id is not None and bool(self.channel_id) and not self.stopped

    @property
    def decision(self) -> Callable[..., object] | None:
        """The playback function to call before voice is touched; None when nothing is left to decide."""
        if self.item_id is None and not self.waiting:
            return playback.forget_error if self.error_code else None
        if self.stopped:
            return None
        if self.item_id is None:
            return None if self.paused else playback.start_next
        return playback.find_channel if self.looks_for_channel else None


_player = Prepared[Player](
    lambda guild_id: (
        Player.objects.filter(pk=guild_id)
        .select_related("item__track", "guild__settings")
        .annotate(waiting=Exists(QueueItem.objects.filter(guild=OuterRef("pk"), state=ItemState.QUEUED)))
    ),
    str,
)


def read_desired_state(guild_id: str) -> DesiredState:
    player: Any = _player.first(guild_id)  # a Player, annotated with `waiting`
    settings = getattr(player.guild, "settings", None) or GuildSettings(pk=guild_id)
    track = player.item.track if player.item else None
    return DesiredState(
        channel_id=player.voice_channel_id,
        paused=player.paused,
        stopped=player.stopped,
        volume=player.volume,
        item_id=player.item_id,
        uri=track.uri if track else "",
        resolved=bool(track and track.resolved_at),
        position_ms=player.position_ms,
        jumps=player.jumps,
        error_code=player.error_code,
        error_detail=player.error_detail,
        looks_for_channel=player.looks_for_channel,
        waiting=player.waiting,
        unresolved=player.waiting and next_unresolved(guild_id) is not None,
        channel_change=compare_channel(player, settings),
        status=status_of(label(track.title or track.uri, track.artist))
        if settings.channel_status and track and not (player.paused or player.stopped)
        else "",
        recount=player.skip_votes > 0
        and (player.skip_votes, player.skip_votes_needed) != tally(player, settings),
    )
