"""The steps that undo or redo a change. `Change.inverse` is a list of them, JSON-ready: `{"do": <class>, …}`.

A step does what is still possible. Its outcome lists what was left out, and the steps that would reverse it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import batched
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings as program

from guilds.domain.settings import change_settings
from guilds.models import GuildSettings
from queue_app.domain.guild_state import GuildState, Step
from queue_app.domain.policy import (
    TAKES_A_VOTE,
    check_clear,
    check_control,
    check_jump,
    check_manages,
    check_may_add,
    check_move,
    may_skip_at_once,
)
from queue_app.domain.put_back import Run, find_places
from queue_app.domain.rank import PART, at_front, queue_again, queued, write_ranks
from queue_app.domain.remove import PREDECESSORS, behinds, place_of, take_out
from queue_app.domain.seek import seek
from queue_app.errors import ChangedSince, NotAllowed, NotYourItem, QueueFull
from queue_app.events import (
    LoopChanged,
    PlayerPaused,
    QueueShuffled,
    TrackAdded,
    TrackFailed,
    TrackFinished,
    TrackMoved,
    TrackRequeued,
    TracksAdded,
    TrackSkipped,
    TrackStarted,
    VoiceLeft,
    VolumeChanged,
)
from queue_app.models import ItemState, QueueItem

_IDS = 500  # in one statement
_SHOWN = ("track", "requested_by")

# The checks of rights, by the names that steps use.
RIGHTS: dict[str, Callable[[GuildState], object]] = {
    "add": check_may_add,
    "move": check_move,
    "clear": check_clear,
    "control": check_control,
    "settings": check_manages,
    "own": lambda state: None,  # checked for each item
    "any": lambda state: None,  # no right of its own: another step of the change has one
}

# Why an item is left out, by its current state.
REASONS = {
    ItemState.QUEUED: "ALREADY_QUEUED",
    ItemState.PLAYING: "ALREADY_PLAYED",
    ItemState.PLAYED: "ALREADY_PLAYED",
    ItemState.SKIPPED: "ALREADY_PLAYED",
    ItemState.REMOVED: "ALREADY_REMOVED",
    ItemState.FAILED: "ALREADY_FAILED",
}
GONE = "GONE"
FULL = "QUEUE_FULL"
WOULD_INTERRUPT = "WOULD_INTERRUPT"


@dataclass
class Outcome:
    """What steps did. `done` counts restored items and values. `inverse` lists the steps that reverse them."""

    done: int = 0
    left_out: list[dict[str, str]] = field(default_factory=list)
    inverse: list[Step] = field(default_factory=list)

    def leave_out(self, item_id: str | UUID, reason: str) -> None:
        self.left_out.append({"item_id": str(item_id), "reason": reason})


class Restore:
    """A step. `take` does it in an open guild. Raises a refusal if the caller does not have the right."""

    take: ClassVar[Callable[..., None]]


def take_steps(state: GuildState, steps: list[Step]) -> Outcome:
    """Take steps in order. Raises NotAllowed, NotYourItem, QueueFull and ChangedSince, which roll everything back."""
    outcome = Outcome()
    for step in steps:
        arguments = {name: value for name, value in step.items() if name != "do"}
        inverse = outcome.inverse
        outcome.inverse = []
        _STEPS[step["do"]].take(state, outcome, **arguments)
        outcome.inverse += inverse  # the last step is reversed first
    return outcome


def _items(state: GuildState, ids: Iterable[str]) -> dict[str, QueueItem]:
    """Return the items of the guild by their ids, with their tracks and requesters loaded."""
    found: dict[str, QueueItem] = {}
    for part in batched(ids, _IDS):
        # Filtered by id only: with a filter by guild, SQLite would read all items of the guild.
        items = QueueItem.objects.filter(pk__in=part)
        # Many items share few tracks and requesters. A join would create these objects again for each row.
        few = len(part) <= PREDECESSORS
        loaded = items.select_related(*_SHOWN) if few else items.prefetch_related(*_SHOWN)
        found |= {str(item.pk): item for item in loaded if item.guild_id == state.guild_id}
    return found


# --- The queue ---


class RemoveAdded(Restore):
    """Remove items that are still queued. With the `right` "own", people may remove their own items, and DJs all.

    `end` is the new state of the items. It is "skipped" for items that a jump had skipped.
    """

    @staticmethod
    def take(
        state: GuildState,
        outcome: Outcome,
        *,
        items: list[str],
        right: str = "own",
        end: str = ItemState.REMOVED,
    ) -> None:
        RIGHTS[right](state)
        found, user = _items(state, items), state.origin.user
        waiting: list[QueueItem] = []
        for item_id in items:
            item = found.get(item_id)
            if item is None or item.state != ItemState.QUEUED:
                outcome.leave_out(item_id, _reason(item))
                continue
            if right == "own" and not state.is_dj and item.requested_by_id != (user and user.pk):
                raise NotYourItem
            waiting.append(item)
        if waiting:
            waiting.sort(key=lambda item: item.rank)
            outcome.done += len(waiting)
            outcome.inverse.append(take_out(state, waiting, right=right, end=ItemState(end)))


class PutBack(Restore):
    """Put removed items back, in their order, after the nearest of their earlier predecessors that is queued."""

    @staticmethod
    def take(
        state: GuildState, outcome: Outcome, *, runs: list[Step], right: str, end: str = ItemState.REMOVED
    ) -> None:
        RIGHTS[right](state)
        found = _items(state, [item_id for run in runs for item_id in run["items"]])
        room = program.QUEUE_MAX_ITEMS - state.player.queue_total
        wanted: list[Run] = []
        put: list[str] = []
        for run, behind in zip(runs, behinds(runs), strict=True):
            back: list[QueueItem] = []
            for item_id in run["items"]:
                item = found.get(item_id)
                if item is None or item.state not in (ItemState.REMOVED, ItemState.SKIPPED):
                    outcome.leave_out(item_id, _reason(item))
                elif len(put) >= room:
                    outcome.leave_out(item_id, FULL)
                else:
                    back.append(item)
                    put.append(item_id)
            if back:
                wanted.append(Run(back, behind, run["rank"]))
        if not put and any(each["reason"] == FULL for each in outcome.left_out):
            raise QueueFull
        outcome.done += len(put)
        if put:
            _put(state, wanted)
            outcome.inverse.append({"do": "RemoveAdded", "items": put, "right": right, "end": end})


def _reason(item: QueueItem | None) -> str:
    return GONE if item is None else REASONS[ItemState(item.state)]


def _put(state: GuildState, runs: list[Run]) -> None:
    items: list[QueueItem] = []
    for place in find_places(state, runs):
        for item, rank in zip(place.items, place.ranks, strict=True):
            item.state, item.rank, item.ended_at = ItemState.QUEUED, rank, None
        items += place.items
    queue_again(items)
    if len(items) == 1:
        state.count(1)
        state.append(TrackAdded(item=items[0], after=place.after))
        return
    items.sort(key=lambda item: item.rank)
    for part in batched(items, PART):
        state.player.queue_total += len(part)
        state.append(TracksAdded(items=list(part)))
    state.count(0)


class MoveBack(Restore):
    """Move a queued item back to its earlier place."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, item: str, behind: list[str], rank: int) -> None:
        check_move(state)
        moved = _items(state, [item]).get(item)
        if moved is None or moved.state != ItemState.QUEUED:
            outcome.leave_out(item, _reason(moved))
            return
        inverse = {"do": "MoveBack", "item": item} | place_of(state, moved)
        (place,) = find_places(state, [Run([moved], behind, rank)])
        (moved.rank,) = place.ranks
        moved.save(update_fields=["rank"])
        state.append(TrackMoved(item=moved, after=place.after))
        outcome.done += 1
        outcome.inverse.append(inverse)


class SetOrder(Restore):
    """Restore the earlier order of items. Items that were added since keep their places."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, items: list[str]) -> None:
        check_move(state)
        now = [
            (str(pk), rank) for pk, rank in queued(state.guild_id).order_by("rank").values_list("pk", "rank")
        ]
        ranks_of = dict(now)
        wanted = [item_id for item_id in items if item_id in ranks_of]
        known = set(wanted)
        places = [rank for item_id, rank in now if item_id in known]
        set_order(state, dict(zip(map(UUID, wanted), places, strict=True)))
        outcome.done += len(wanted)
        outcome.inverse.append(
            {"do": "SetOrder", "items": [item_id for item_id, _ in now if item_id in known]}
        )


def set_order(state: GuildState, ranks: dict[UUID, int]) -> None:
    """Set new ranks of queued items, and append QueueShuffled."""
    write_ranks(ranks)
    for part in batched(ranks.items(), PART):
        state.append(QueueShuffled(ranks=list(part)))


class ShowFailed(Restore):
    """Show dismissed failed items in `failed` again."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, items: list[str], right: str) -> None:
        RIGHTS[right](state)
        found = _items(state, items)
        shown = [item for item_id in items if (item := found.get(item_id)) and item.dismissed]
        for item in shown:
            item.dismissed = False
            item.save(update_fields=["dismissed"])
            state.append(TrackFailed(item=item))
        if shown:
            ids = [str(item.pk) for item in shown]
            outcome.done += len(ids)
            outcome.inverse.append({"do": "DismissFailed", "items": ids, "right": right})


class DismissFailed(Restore):
    """Dismiss failed items again."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, items: list[str], right: str) -> None:
        RIGHTS[right](state)
        found = _items(state, items)
        shown = [item for item_id in items if (item := found.get(item_id)) and not item.dismissed]
        for item in shown:
            state.dismiss(item)
        if shown:
            ids = [str(item.pk) for item in shown]
            outcome.done += len(ids)
            outcome.inverse.append({"do": "ShowFailed", "items": ids, "right": right})


# --- The current track ---


class SetCurrent(Restore):
    """Play an item from its earlier position. The current item moves to the front of the queue and keeps its position.

    `brought` is the item that the change had started, with the state and time of its earlier end. If it is the current
    item, it returns to the history instead. Without `item`, nothing plays afterwards. If the caller may not skip the
    current item, the other item goes to the front of the queue. `paused` and `stopped` are for undo and redo of Stop.
    """

    @staticmethod
    def take(
        state: GuildState,
        outcome: Outcome,
        *,
        item: str | None,
        position_ms: int = 0,
        brought: dict[str, str] | None = None,
        paused: bool = False,
        stopped: bool = False,
        channel_id: str | None = None,
    ) -> None:
        playing = state.player.item
        back = _items(state, [item]).get(item) if item is not None else None
        if item is None:
            if playing is None or brought is None or str(playing.pk) != brought["item"]:
                outcome.leave_out((brought or {}).get("item", ""), REASONS[ItemState.PLAYED])
                return
            if not _may_interrupt(state):
                raise NotAllowed(TAKES_A_VOTE)
        elif back is None or back.state not in _RETURNING:
            outcome.leave_out(item, _reason(back))
            return
        elif playing is not None and not _may_interrupt(state):
            outcome.leave_out(item, WOULD_INTERRUPT)
            _wait_at_front(state, outcome, back, position_ms)
            return
        outcome.done += 1
        inverse: Step = {"do": "SetCurrent", "item": None, "brought": remembered(back)}
        if playing is not None:
            inverse |= {"item": _take_away(state, playing, brought), "position_ms": state.ended_at_ms}
        if back is not None:
            if back.state == ItemState.QUEUED:
                state.count(-1)
            state.play(back, position_ms=position_ms, continues=True)
            state.append(TrackStarted(item=back))
        if paused and playing is None:
            inverse |= {"stopped": True}
            _pause(state, channel_id)
        if stopped:
            inverse |= {"paused": True, "channel_id": state.player.voice_channel_id}
            state.stop()
            state.append(VoiceLeft())
        outcome.inverse.append(inverse)


_RETURNING = (ItemState.QUEUED, ItemState.PLAYED, ItemState.SKIPPED)


def _may_interrupt(state: GuildState) -> bool:
    try:
        return may_skip_at_once(state)
    except NotAllowed:
        return False


def remembered(item: QueueItem | None) -> dict[str, str] | None:
    """Return how and when an item ended, or None if it has not."""
    if item is None or item.ended_at is None:
        return None
    return {"item": str(item.pk), "state": str(item.state), "ended_at": item.ended_at.isoformat()}


def _take_away(state: GuildState, playing: QueueItem, brought: dict[str, str] | None) -> str:
    """Take the current item off the player. Returns its id."""
    if brought is not None and brought["item"] == str(playing.pk):
        state.end_item(ItemState(brought["state"]))
        playing.ended_at = datetime.fromisoformat(brought["ended_at"])
        playing.save(update_fields=["ended_at"])
        ended = TrackFinished if playing.state == ItemState.PLAYED else TrackSkipped
        state.append(ended(item=playing))
    else:
        state.put_aside(rank=at_front(state).rank)
        state.count(1)
        state.append(TrackRequeued(item=playing))
    return str(playing.pk)


def _wait_at_front(state: GuildState, outcome: Outcome, item: QueueItem, position_ms: int) -> None:
    """Put an ended item at the front of the queue, to continue from that position."""
    if item.state == ItemState.QUEUED:
        return  # already in the queue
    item.resume_ms = position_ms
    item.wait(rank=at_front(state).rank, resume_ms=position_ms)
    state.count(1)
    state.append(TrackRequeued(item=item))
    outcome.done += 1
    outcome.inverse.append({"do": "RemoveAdded", "items": [str(item.pk)], "end": ItemState.SKIPPED})


def _pause(state: GuildState, channel_id: str | None) -> None:
    player = state.player
    player.paused, player.stopped = True, False
    if player.voice_channel_id is None:
        state.set_channel(channel_id)
    player.save(update_fields=["paused", "stopped", "voice_channel_id", "volume"])
    state.append(PlayerPaused())


class SeekBack(Restore):
    """Return to the earlier position in the current item."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, item: str, position_ms: int) -> None:
        check_jump(state)
        playing = state.player.item
        if playing is None or str(playing.pk) != item:
            outcome.leave_out(item, REASONS[ItemState.PLAYED])
            return
        outcome.inverse.append({"do": "SeekBack", "item": item, "position_ms": seek(state, position_ms)})
        outcome.done += 1


# --- Values ---


class SetVolume(Restore):
    """Restore the earlier volume. `chosen`: somebody had set it."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, to: int, expected: int, chosen: bool = True) -> None:
        check_control(state)
        player = state.player
        if player.volume != expected:
            raise ChangedSince
        outcome.inverse.append(
            {"do": "SetVolume", "to": expected, "expected": to, "chosen": player.volume_chosen}
        )
        player.volume, player.volume_chosen = to, chosen
        player.save(update_fields=["volume", "volume_chosen"])
        state.append(VolumeChanged())
        outcome.done += 1


class SetLoop(Restore):
    """Restore the earlier loop."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, to: str, expected: str) -> None:
        check_control(state)
        player = state.player
        if player.loop != expected:
            raise ChangedSince
        player.loop = to
        player.save(update_fields=["loop"])
        state.append(LoopChanged())
        outcome.inverse.append({"do": "SetLoop", "to": expected, "expected": to})
        outcome.done += 1


class SetSettings(Restore):
    """Restore the earlier settings."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, to: dict[str, Any], expected: dict[str, Any]) -> None:
        check_manages(state)
        current = GuildSettings.objects.filter(pk=state.guild_id).first() or GuildSettings(pk=state.guild_id)
        if any(getattr(current, name) != value for name, value in expected.items()):
            raise ChangedSince
        change_settings(state.guild_id, origin=state.origin, **to)
        outcome.inverse.append({"do": "SetSettings", "to": expected, "expected": to})
        outcome.done += 1


_STEPS: dict[str, type[Restore]] = {step.__name__: step for step in Restore.__subclasses__()}
