"""Events of a guild's queue and player. `GuildState.append` fills in `player` and `queue_total`.

Each event contains what a reducer needs to update an older snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from django.utils.translation import gettext_lazy, ngettext_lazy

from guilds.events import SettingsChanged
from library.clock import clock
from library.events import PlaylistCreated, PlaylistDeleted
from queue_app.models import Loop, Player, QueueItem
from queue_app.player_states import PAUSED, STOPPED
from queue_app.rows import ItemRow
from queue_app.serializers import PlayerSerializer, QueueItemSerializer
from queue_app.shapes import item_shape, player_shape
from realtime.events import Deed, Shape, TypedEvent, Words


def _title(track: Mapping[str, Any]) -> str:
    return str(track["title"] or track["url"] or track["uri"]).removeprefix("https://")


class MusicEvent(TypedEvent):
    """Base of all events in this file."""

    log = "guild"
    shapes: ClassVar = {
        QueueItem: Shape(item_shape, QueueItemSerializer),
        ItemRow: Shape(item_shape, QueueItemSerializer),
        Player: Shape(player_shape, PlayerSerializer),
    }


class QueueEvent(MusicEvent):
    """Base of events of the queue. `queue_total` is the number of queued items after the event."""

    queue_total: int = field(init=False, repr=False)


class ItemEvent(QueueEvent):
    """Base of events of one item. The item's track and requester should be loaded."""

    item: QueueItem | ItemRow

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"title": _title(args["item"]["track"])}


class ItemsEvent(QueueEvent):
    """Base of events of several items. The field named by `listed` lists them."""

    listed: ClassVar[str]

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"count": len(args[cls.listed])}


class PlayerEvent(MusicEvent):
    """Base of events of the player. They contain its current state."""

    reducer = "replace `player`"
    player: Player = field(init=False, repr=False)


class EndEvent(ItemEvent, PlayerEvent):
    """Base of events after which an item is no longer queued or playing."""

    reducer = "remove the item from the queue, replace `player`"


# --- The queue ---

_RETRIED = Deed(gettext_lazy("%(who)s retried %(title)s."), gettext_lazy("You retried %(title)s."))
_MOVED_TO_FRONT = Deed(
    gettext_lazy("%(who)s moved %(title)s to the front."),
    gettext_lazy("You moved %(title)s to the front."),
)


class TrackAdded(ItemEvent):
    """An item was added. A retry replaces the ended item `retried_id`."""

    sentence = Deed(gettext_lazy("%(who)s added %(title)s."), gettext_lazy("You added %(title)s."))
    reducer = "insert `item` by its `rank`, which is after the item `after` (null: at the front)"
    calm = True
    after: UUID | None
    retried_id: UUID | None = None

    @classmethod
    def words(cls, args: Mapping[str, Any], *, by_bot: bool) -> Words:
        return _RETRIED if args.get("retried_id") else cls.sentence


class TracksAdded(ItemsEvent):
    """Several items were added, or put back by an undo. A long list is split into several of these events."""

    sentence = Deed(
        ngettext_lazy("%(who)s added %(count)s track.", "%(who)s added %(count)s tracks.", "count"),
        ngettext_lazy("You added %(count)s track.", "You added %(count)s tracks.", "count"),
    )
    listed = "items"
    reducer = "insert each item by its `rank`"
    items: Annotated[list[QueueItem | ItemRow], "200 at most"]


class TrackResolved(ItemEvent):
    """The details of an item's track were read."""

    sentence = gettext_lazy("%(who)s read the details of %(title)s.")
    reducer = "replace the item with that id, in the queue or in the player"
    calm = True


class TrackStarted(EndEvent):
    """An item became the current one."""

    sentence = Deed(gettext_lazy("%(who)s started %(title)s."), gettext_lazy("You started %(title)s."))


class TrackRequeued(ItemEvent, PlayerEvent):
    """An item was moved back to the front of the queue."""

    sentence = Deed(
        gettext_lazy("%(who)s put %(title)s back in the queue."),
        gettext_lazy("You put %(title)s back in the queue."),
    )
    reducer = "insert `item` at the front of the queue, remove it from `failed`, replace `player`"


class TrackFinished(EndEvent):
    """The current item played to its end."""

    sentence = gettext_lazy("%(title)s finished.")


class TrackSkipped(EndEvent):
    """The current item was skipped."""

    sentence = Deed(gettext_lazy("%(who)s skipped %(title)s."), gettext_lazy("You skipped %(title)s."))


class TrackFailed(EndEvent):
    """An item cannot be played. `item.error` is the reason."""

    sentence = gettext_lazy("Backline could not play %(title)s. %(reason)s")
    reducer = "remove the item from the queue, insert it into `failed` by its `ended_at`, replace `player`"

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return super().placeholders(args) | {"reason": args["item"]["error"]["detail"]}


class TracksRemoved(ItemsEvent):
    """Several items were removed from the queue. A long list is split into several of these events."""

    sentence = Deed(
        ngettext_lazy("%(who)s removed %(count)s track.", "%(who)s removed %(count)s tracks.", "count"),
        ngettext_lazy("You removed %(count)s track.", "You removed %(count)s tracks.", "count"),
    )
    listed = "item_ids"
    reducer = "remove these items from the queue"
    item_ids: Annotated[list[UUID], "200 at most"]


class TracksSkipped(ItemsEvent):
    """Queued items were skipped by a jump to a later one. A long list is split into several of these events."""

    sentence = Deed(
        ngettext_lazy("%(who)s skipped %(count)s track.", "%(who)s skipped %(count)s tracks.", "count"),
        ngettext_lazy("You skipped %(count)s track.", "You skipped %(count)s tracks.", "count"),
    )
    listed = "item_ids"
    reducer = "remove these items from the queue"
    item_ids: Annotated[list[UUID], "200 at most"]


class TrackRemoved(ItemEvent):
    """A queued or failed item was removed."""

    sentence = Deed(gettext_lazy("%(who)s removed %(title)s."), gettext_lazy("You removed %(title)s."))
    reducer = "remove the item from the queue and from `failed`"
    calm = True
    why: Literal["cleared", "retried"] | None = None


class ListOpened(ItemEvent):
    """A queued link was a playlist, and its tracks replace it. `TracksAdded` events contain the `added` tracks."""

    sentence = Deed(
        ngettext_lazy(
            "%(who)s added %(count)s track from the playlist %(title)s.",
            "%(who)s added %(count)s tracks from the playlist %(title)s.",
            "count",
        ),
        ngettext_lazy(
            "You added %(count)s track from the playlist %(title)s.",
            "You added %(count)s tracks from the playlist %(title)s.",
            "count",
        ),
    )
    reducer = "remove the item from the queue"
    added: int
    left_out: Annotated[int, "how many of its tracks cannot be added"]

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return super().placeholders(args) | {"count": args["added"]}


class TrackMoved(ItemEvent):
    """An item was moved in the queue."""

    sentence = Deed(gettext_lazy("%(who)s moved %(title)s."), gettext_lazy("You moved %(title)s."))
    reducer = "remove the item and insert it by its new `rank`, which is after the item `after` (null: at the front)"
    calm = True
    after: UUID | None

    @classmethod
    def words(cls, args: Mapping[str, Any], *, by_bot: bool) -> Words:
        return cls.sentence if args["after"] else _MOVED_TO_FRONT


class QueueCleared(ItemsEvent):
    """Queued items were removed. A long queue is cleared by several of these events."""

    sentence = Deed(
        ngettext_lazy("%(who)s cleared %(count)s track.", "%(who)s cleared %(count)s tracks.", "count"),
        ngettext_lazy("You cleared %(count)s track.", "You cleared %(count)s tracks.", "count"),
    )
    listed = "item_ids"
    reducer = "remove these items from the queue"
    item_ids: Annotated[list[UUID], "200 at most"]


class QueueShuffled(ItemsEvent):
    """Queued items got a new order. A long queue is shuffled by several of these events."""

    sentence = Deed(
        ngettext_lazy("%(who)s shuffled %(count)s track.", "%(who)s shuffled %(count)s tracks.", "count"),
        ngettext_lazy("You shuffled %(count)s track.", "You shuffled %(count)s tracks.", "count"),
    )
    listed = "ranks"
    reducer = (
        "set the new ranks of these items and sort; remove items that are now behind one that is not loaded"
    )
    ranks: Annotated[list[tuple[UUID, int]], "pairs of item and rank, 200 at most"]


class TracksMoved(ItemsEvent):
    """Several queued items were moved to one place, or back. Many of them are split into several of these events."""

    sentence = Deed(
        ngettext_lazy("%(who)s moved %(count)s track.", "%(who)s moved %(count)s tracks.", "count"),
        ngettext_lazy("You moved %(count)s track.", "You moved %(count)s tracks.", "count"),
    )
    listed = "ranks"
    reducer = QueueShuffled.reducer
    ranks: Annotated[list[tuple[UUID, int]], "pairs of item and rank, 200 at most"]


class QueueRenumbered(ItemsEvent):
    """Queued items got new ranks, to make room between them."""

    sentence = ngettext_lazy(
        "%(who)s renumbered %(count)s track in the queue.",
        "%(who)s renumbered %(count)s tracks in the queue.",
        "count",
    )
    listed = "ranks"
    reducer = "set the new ranks of these items; their order does not change"
    ranks: Annotated[list[tuple[UUID, int]], "pairs of item and rank, ascending, 200 at most"]


class QueueSaved(MusicEvent):
    """Somebody saved the queue as a playlist, whose name may be private. `deleted`: an undo deleted it."""

    sentence = Deed(
        ngettext_lazy(
            "%(who)s saved %(count)s track as a playlist.",
            "%(who)s saved %(count)s tracks as a playlist.",
            "count",
        ),
        ngettext_lazy(
            "You saved %(count)s track as a playlist.", "You saved %(count)s tracks as a playlist.", "count"
        ),
    )
    reducer = "nothing"
    calm = True
    count: int
    deleted: bool = False

    @classmethod
    def words(cls, args: Mapping[str, Any], *, by_bot: bool) -> Words:
        if not args.get("deleted"):
            return cls.sentence
        return Deed(
            gettext_lazy("%(who)s deleted the saved playlist."),
            gettext_lazy("You deleted the saved playlist."),
        )

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"count": args["count"]}


class SkipVoted(MusicEvent):
    """The number of votes to skip the current item, or the number needed, changed."""

    sentence = gettext_lazy("%(who)s voted to skip (%(votes)s of %(needed)s votes).")
    sentence_by_bot = gettext_lazy("The vote to skip was counted again (%(votes)s of %(needed)s votes).")
    reducer = "set `skip_vote` to `{votes, needed}`, or to null if there are no votes"
    item_id: UUID
    votes: int
    needed: int

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"votes": args["votes"], "needed": args["needed"]}


# --- The player ---


class PlayerPaused(PlayerEvent):
    """Somebody paused playback."""

    sentence = gettext_lazy("%(who)s paused playback.")


class PlayerResumed(PlayerEvent):
    """Somebody resumed playback, or it resumed because a track was added."""

    sentence = gettext_lazy("%(who)s resumed playback.")


class VolumeChanged(PlayerEvent):
    """Somebody set the volume."""

    sentence = Deed(
        gettext_lazy("%(who)s set the volume to %(volume)s%%."),
        gettext_lazy("You set the volume to %(volume)s%%."),
    )

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"volume": args["player"]["volume"]}


class LoopChanged(PlayerEvent):
    """Somebody set what is repeated."""

    sentence = Deed(
        gettext_lazy("%(who)s set the loop to %(loop)s."), gettext_lazy("You set the loop to %(loop)s.")
    )

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"loop": Loop(args["player"]["loop"]).label}


class PlayerSeeked(PlayerEvent):
    """Somebody moved to another position in the current track."""

    sentence = Deed(
        gettext_lazy("%(who)s moved playback to %(position)s."),
        gettext_lazy("You moved playback to %(position)s."),
    )
    position_ms: int

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"position": clock(args["position_ms"])}


class VoiceJoined(PlayerEvent):
    """Somebody chose the voice channel in which the bot plays."""

    sentence = gettext_lazy("%(who)s chose the voice channel to play in.")


class VoiceLeft(PlayerEvent):
    """The bot left voice, because it was told to or because the channel was empty."""

    sentence = gettext_lazy("%(who)s disconnected Backline from voice.")
    sentence_by_bot = gettext_lazy("Backline left the voice channel.")
    reason: Literal["alone"] | None = None

    @classmethod
    def words(cls, args: Mapping[str, Any], *, by_bot: bool) -> Words:
        if args.get("reason") == "alone":
            return gettext_lazy("Backline left the voice channel because it was empty.")
        return super().words(args, by_bot=by_bot)


class VoiceChanged(PlayerEvent):
    """The bot's voice channel or voice connection, or whether it plays, changed."""

    sentence = gettext_lazy("The voice connection of Backline changed.")


class PlayerErrorChanged(PlayerEvent):
    """The player's `error` changed."""

    sentence = gettext_lazy("Backline cannot play. %(reason)s")

    @classmethod
    def words(cls, args: Mapping[str, Any], *, by_bot: bool) -> Words:
        error = args["player"]["error"]
        if error is None or error["code"] in (PAUSED, STOPPED):
            return gettext_lazy("Backline can play again.")
        return cls.sentence

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"reason": (args["player"]["error"] or {"detail": ""})["detail"]}


# The events that `Undo` and `Redo` can append.
RESTORING: tuple[type[TypedEvent], ...] = (
    TrackAdded,
    TracksAdded,
    TrackRemoved,
    TracksRemoved,
    TracksSkipped,
    TrackMoved,
    TracksMoved,
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
    QueueSaved,
    PlaylistCreated,
    PlaylistDeleted,
)
