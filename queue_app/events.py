"""What happens to a guild's queue and player. `GuildState.append` fills in `player` and `queue_total`.

Each event carries what a reducer needs to bring an old snapshot to the new one.
"""

from __future__ import annotations

from dataclasses import field
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from guilds.events import SettingsChanged
from queue_app.models import Player, QueueItem
from queue_app.serializers import PlayerSerializer, QueueItemSerializer
from queue_app.shapes import item_shape, player_shape
from realtime.events import Shape, TypedEvent


class MusicEvent(TypedEvent):
    """Base of all here."""

    log = "guild"
    shapes: ClassVar = {
        QueueItem: Shape(item_shape, QueueItemSerializer),
        Player: Shape(player_shape, PlayerSerializer),
    }


class QueueEvent(MusicEvent):
    """Of the queue: it says how many items wait after it."""

    queue_total: int = field(init=False, repr=False)


class ItemEvent(QueueEvent):
    """Of an item, its track and requester loaded."""

    item: QueueItem


class PlayerEvent(MusicEvent):
    """Of the player, which it shows as of now."""

    reducer = "take `player`"
    player: Player = field(init=False, repr=False)


class EndEvent(ItemEvent, PlayerEvent):
    """An item left the queue or the player."""

    reducer = "drop the item from the queue, take `player`"


# --- The queue ---


class TrackAdded(ItemEvent):
    """An item was added, of a retry in place of the ended one `retried_id`."""

    reducer = "insert `item` where its `rank` says: behind the item `after` (null: at the front)"
    calm = True
    after: UUID | None
    retried_id: UUID | None = None


class TracksAdded(QueueEvent):
    """Items were added together, or put back. Many come in several events."""

    reducer = "insert each item where its `rank` says"
    items: Annotated[list[QueueItem], "200 at most"]


class TrackResolved(ItemEvent):
    """More is known of an item's track."""

    reducer = "replace the item of that id, in the queue or in the player"
    calm = True


class TrackStarted(EndEvent):
    """An item became the current one."""


class TrackRequeued(ItemEvent, PlayerEvent):
    """An item was put back to the front of the queue."""

    reducer = "put `item` at the front of the queue, drop it from `failed`, take `player`"


class TrackFinished(EndEvent):
    """The current item played to its end."""


class TrackSkipped(EndEvent):
    """The current item was skipped."""


class TrackFailed(EndEvent):
    """An item cannot be played; `item.error` says why."""

    reducer = "drop the item from the queue, put it last in `failed`, take `player`"


class TracksRemoved(QueueEvent):
    """Items were removed from the queue together. Many come in several events."""

    reducer = "drop these items from the queue"
    item_ids: Annotated[list[UUID], "200 at most"]


class TracksSkipped(QueueEvent):
    """A jump passed over queued items. Many come in several events."""

    reducer = "drop these items from the queue"
    item_ids: Annotated[list[UUID], "200 at most"]


class TrackRemoved(ItemEvent):
    """An item was taken out of the queue, or one that failed from beside it."""

    reducer = "drop the item from the queue and from `failed`"
    calm = True
    why: Literal["cleared", "retried"] | None = None


class TrackMoved(ItemEvent):
    """An item was put elsewhere in the queue."""

    reducer = "take the item out of the queue and insert it where its `rank` says: behind `after` (null: at the front)"
    calm = True
    after: UUID | None


class QueueCleared(QueueEvent):
    """Items that waited were taken out. Of a long queue there are several in a row."""

    reducer = "drop these items from the queue"
    item_ids: Annotated[list[UUID], "200 at most"]


class QueueShuffled(QueueEvent):
    """Items in the queue got a new order. A long queue takes several events, and is in order after the last one."""

    reducer = (
        "give these items their new ranks and sort; drop items that come to stand behind one that is not held"
    )
    ranks: Annotated[list[tuple[UUID, int]], "pairs of item and rank, 200 at most"]


class QueueRenumbered(QueueEvent):
    """Items that wait got new ranks, to make room between them."""

    reducer = "give these items their new ranks; the order stays"
    ranks: Annotated[list[tuple[UUID, int]], "pairs of item and rank, ascending, 200 at most"]


class SkipVoted(MusicEvent):
    """The vote to skip the current item stands differently."""

    reducer = "`skip_vote` is `{votes, needed}`, null without votes"
    item_id: UUID
    votes: int
    needed: int


# --- The player ---


class PlayerPaused(PlayerEvent):
    """Somebody paused playback."""


class PlayerResumed(PlayerEvent):
    """Somebody resumed playback, or it resumed because a track was added."""


class VolumeChanged(PlayerEvent):
    """Somebody set the volume."""


class LoopChanged(PlayerEvent):
    """Somebody set what repeats."""


class PlayerSeeked(PlayerEvent):
    """Somebody set the position in the current track."""

    position_ms: int


class VoiceJoined(PlayerEvent):
    """Somebody chose the voice channel to play in."""


class VoiceLeft(PlayerEvent):
    """The bot was sent out of voice, or left a channel in which nobody was."""

    reason: Literal["alone"] | None = None


class VoiceChanged(PlayerEvent):
    """The bot saw where it is connected, or whether it is heard, change."""


class PlayerErrorChanged(PlayerEvent):
    """The bot saw why nothing is heard, or that it is heard again."""


# What undoing and redoing appends.
RESTORING: tuple[type[TypedEvent], ...] = (
    TrackAdded,
    TracksAdded,
    TrackRemoved,
    TracksRemoved,
    TracksSkipped,
    TrackMoved,
    QueueShuffled,
    QueueRenumbered,
    TrackRequeued,
    TrackStarted,
    TrackSkipped,
    TrackFinished,
    TrackFailed,
    PlayerSeeked,
    PlayerPaused,
    VoiceLeft,
    VolumeChanged,
    LoopChanged,
    SettingsChanged,
)
