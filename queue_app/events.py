"""What happens to a guild's queue and player. `GuildState.append` fills in `player` and `queue_total`.

Each event carries what a reducer needs to bring an old snapshot to the new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from django.utils.translation import gettext_lazy, ngettext_lazy

from guilds.events import SettingsChanged
from library.clock import clock
from queue_app.models import Loop, Player, QueueItem
from queue_app.player_states import PAUSED, STOPPED
from queue_app.serializers import PlayerSerializer, QueueItemSerializer
from queue_app.shapes import item_shape, player_shape
from realtime.events import Shape, TypedEvent, Words


def _title(track: Mapping[str, Any]) -> str:
    return str(track["title"] or track["url"] or track["uri"]).removeprefix("https://")


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

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"title": _title(args["item"]["track"])}


class ItemsEvent(QueueEvent):
    """Of several items, which it lists in its last field."""

    listed: ClassVar[str]

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"count": len(args[cls.listed])}


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

    said = gettext_lazy("%(who)s added %(title)s.")
    reducer = "insert `item` where its `rank` says: behind the item `after` (null: at the front)"
    calm = True
    after: UUID | None
    retried_id: UUID | None = None

    @classmethod
    def words(cls, args: Mapping[str, Any], *, by_bot: bool) -> Words:
        return gettext_lazy("%(who)s retried %(title)s.") if args.get("retried_id") else cls.said


class TracksAdded(ItemsEvent):
    """Items were added together, or put back. Many come in several events."""

    said = ngettext_lazy("%(who)s added %(count)s track.", "%(who)s added %(count)s tracks.", "count")
    listed = "items"
    reducer = "insert each item where its `rank` says"
    items: Annotated[list[QueueItem], "200 at most"]


class TrackResolved(ItemEvent):
    """More is known of an item's track."""

    said = gettext_lazy("%(who)s read the details of %(title)s.")
    reducer = "replace the item of that id, in the queue or in the player"
    calm = True


class TrackStarted(EndEvent):
    """An item became the current one."""

    said = gettext_lazy("%(who)s started %(title)s.")


class TrackRequeued(ItemEvent, PlayerEvent):
    """An item was put back to the front of the queue."""

    said = gettext_lazy("%(who)s put %(title)s back in the queue.")
    reducer = "put `item` at the front of the queue, drop it from `failed`, take `player`"


class TrackFinished(EndEvent):
    """The current item played to its end."""

    said = gettext_lazy("%(title)s finished.")


class TrackSkipped(EndEvent):
    """The current item was skipped."""

    said = gettext_lazy("%(who)s skipped %(title)s.")


class TrackFailed(EndEvent):
    """An item cannot be played; `item.error` says why."""

    said = gettext_lazy("Backline could not play %(title)s. %(reason)s")
    reducer = "drop the item from the queue, put it into `failed` by its `ended_at`, take `player`"

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return super().placeholders(args) | {"reason": args["item"]["error"]["detail"]}


class TracksRemoved(ItemsEvent):
    """Items were removed from the queue together. Many come in several events."""

    said = ngettext_lazy("%(who)s removed %(count)s track.", "%(who)s removed %(count)s tracks.", "count")
    listed = "item_ids"
    reducer = "drop these items from the queue"
    item_ids: Annotated[list[UUID], "200 at most"]


class TracksSkipped(ItemsEvent):
    """A jump passed over queued items. Many come in several events."""

    said = ngettext_lazy("%(who)s skipped %(count)s track.", "%(who)s skipped %(count)s tracks.", "count")
    listed = "item_ids"
    reducer = "drop these items from the queue"
    item_ids: Annotated[list[UUID], "200 at most"]


class TrackRemoved(ItemEvent):
    """An item was taken out of the queue, or one that failed from beside it."""

    said = gettext_lazy("%(who)s removed %(title)s.")
    reducer = "drop the item from the queue and from `failed`"
    calm = True
    why: Literal["cleared", "retried"] | None = None


class TrackMoved(ItemEvent):
    """An item was put elsewhere in the queue."""

    said = gettext_lazy("%(who)s moved %(title)s.")
    reducer = "take the item out of the queue and insert it where its `rank` says: behind `after` (null: at the front)"
    calm = True
    after: UUID | None

    @classmethod
    def words(cls, args: Mapping[str, Any], *, by_bot: bool) -> Words:
        return cls.said if args["after"] else gettext_lazy("%(who)s moved %(title)s to the front.")


class QueueCleared(ItemsEvent):
    """Items that waited were taken out. Of a long queue there are several in a row."""

    said = ngettext_lazy("%(who)s cleared %(count)s track.", "%(who)s cleared %(count)s tracks.", "count")
    listed = "item_ids"
    reducer = "drop these items from the queue"
    item_ids: Annotated[list[UUID], "200 at most"]


class QueueShuffled(ItemsEvent):
    """Items in the queue got a new order. A long queue takes several events, and is in order after the last one."""

    said = ngettext_lazy("%(who)s shuffled %(count)s track.", "%(who)s shuffled %(count)s tracks.", "count")
    listed = "ranks"
    reducer = (
        "give these items their new ranks and sort; drop items that come to stand behind one that is not held"
    )
    ranks: Annotated[list[tuple[UUID, int]], "pairs of item and rank, 200 at most"]


class QueueRenumbered(ItemsEvent):
    """Items that wait got new ranks, to make room between them."""

    said = ngettext_lazy(
        "%(who)s renumbered %(count)s track in the queue.",
        "%(who)s renumbered %(count)s tracks in the queue.",
        "count",
    )
    listed = "ranks"
    reducer = "give these items their new ranks; the order stays"
    ranks: Annotated[list[tuple[UUID, int]], "pairs of item and rank, ascending, 200 at most"]


class SkipVoted(MusicEvent):
    """The vote to skip the current item stands differently."""

    said = gettext_lazy("%(who)s voted to skip (%(votes)s of %(needed)s votes).")
    said_by_bot = gettext_lazy("The vote to skip was counted again (%(votes)s of %(needed)s votes).")
    reducer = "`skip_vote` is `{votes, needed}`, null without votes"
    item_id: UUID
    votes: int
    needed: int

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"votes": args["votes"], "needed": args["needed"]}


# --- The player ---


class PlayerPaused(PlayerEvent):
    """Somebody paused playback."""

    said = gettext_lazy("%(who)s paused playback.")


class PlayerResumed(PlayerEvent):
    """Somebody resumed playback, or it resumed because a track was added."""

    said = gettext_lazy("%(who)s resumed playback.")


class VolumeChanged(PlayerEvent):
    """Somebody set the volume."""

    said = gettext_lazy("%(who)s set the volume to %(volume)s%%.")

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"volume": args["player"]["volume"]}


class LoopChanged(PlayerEvent):
    """Somebody set what repeats."""

    said = gettext_lazy("%(who)s set the loop to %(loop)s.")

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"loop": Loop(args["player"]["loop"]).label}


class PlayerSeeked(PlayerEvent):
    """Somebody set the position in the current track."""

    said = gettext_lazy("%(who)s moved playback to %(position)s.")
    position_ms: int

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"position": clock(args["position_ms"])}


class VoiceJoined(PlayerEvent):
    """Somebody chose the voice channel to play in."""

    said = gettext_lazy("%(who)s chose the voice channel to play in.")


class VoiceLeft(PlayerEvent):
    """The bot was sent out of voice, or left a channel in which nobody was."""

    said = gettext_lazy("%(who)s disconnected Backline from voice.")
    said_by_bot = gettext_lazy("Backline left the voice channel.")
    reason: Literal["alone"] | None = None

    @classmethod
    def words(cls, args: Mapping[str, Any], *, by_bot: bool) -> Words:
        if args.get("reason") == "alone":
            return gettext_lazy("Backline left the voice channel because it was empty.")
        return super().words(args, by_bot=by_bot)


class VoiceChanged(PlayerEvent):
    """The bot saw where it is connected, or whether it is heard, change."""

    said = gettext_lazy("The voice connection of Backline changed.")


class PlayerErrorChanged(PlayerEvent):
    """The bot saw why nothing is heard, or that it is heard again."""

    said = gettext_lazy("Backline cannot play. %(reason)s")

    @classmethod
    def words(cls, args: Mapping[str, Any], *, by_bot: bool) -> Words:
        error = args["player"]["error"]
        if error is None or error["code"] in (PAUSED, STOPPED):
            return gettext_lazy("Backline can play again.")
        return cls.said

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"reason": (args["player"]["error"] or {"detail": ""})["detail"]}


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
