"""Steps that restore what plays."""

from __future__ import annotations

from datetime import datetime

from queue_app.domain.guild_state import GuildState, Step
from queue_app.domain.policy import TAKES_A_VOTE, check_control, check_jump, may_skip_at_once
from queue_app.domain.rank import at_front
from queue_app.domain.restore.step import REASONS, RIGHTS, Outcome, Restore, load_items, reason_of
from queue_app.domain.seek import seek
from queue_app.errors import NotAllowed
from queue_app.events import PlayerPaused, TrackFinished, TrackRequeued, TrackSkipped, TrackStarted, VoiceLeft
from queue_app.left_out import Restoring
from queue_app.models import ItemState, QueueItem


class SetCurrent(Restore):
    """Play an item from its earlier position. The current item moves to the front of the queue and keeps its position.

    `ended_at` is when the item had ended: if it has been heard since, it is left out. `brought` is the item that the
    change had started, with the state and time of its earlier end. If it is the current item, it returns to the history
    instead. Without `item`, nothing plays afterwards. If the caller may not skip the current item, the other item goes
    to the front of the queue. `right` "stop" is for a change that needs the rights of Stop instead.
    """

    @staticmethod
    def take(
        state: GuildState,
        outcome: Outcome,
        *,
        item: str | None,
        position_ms: int = 0,
        ended_at: str | None = None,
        brought: dict[str, str] | None = None,
        right: str = "skip",
    ) -> None:
        playing = state.player.item
        back = None
        if item is None:
            if not _ends(state, outcome, brought, right):
                return
        else:
            back = load_items(state, [item]).get(item)
            if back is None or not _may_return(back, ended_at):
                outcome.leave_out(item, reason_of(back))
                return
            if playing is not None and not _may_interrupt(state):
                outcome.leave_out(item, Restoring.WOULD_INTERRUPT)
                _wait_at_front(state, outcome, back, position_ms)
                return
        outcome.done += 1
        inverse: Step = {"do": "SetCurrent", "item": None, "brought": remembered(back), "right": right}
        if playing is not None:
            taken = _take_away(state, playing, brought)
            inverse |= {"item": str(playing.pk), "position_ms": state.ended_at_ms, "ended_at": taken}
        if back is not None:
            if back.state == ItemState.QUEUED:
                state.count(-1)
            state.play(back, position_ms=position_ms, continues=True)
            state.append(TrackStarted(item=back))
        outcome.inverse.append(inverse)


def _ends(state: GuildState, outcome: Outcome, brought: dict[str, str] | None, right: str) -> bool:
    """Whether what the change had started still plays, so that it can end. Raises NotAllowed."""
    playing = state.player.item
    if playing is None or brought is None or str(playing.pk) != brought["item"]:
        outcome.leave_out((brought or {}).get("item", ""), REASONS[ItemState.PLAYED])
        return False
    if right == "stop":
        RIGHTS[right](state)
    elif not _may_interrupt(state):
        raise NotAllowed(TAKES_A_VOTE)
    return True


def _may_return(item: QueueItem, ended_at: str | None) -> bool:
    """Whether an item can be the current one again: it waits, or it has not been heard since it ended then."""
    if item.state == ItemState.QUEUED:
        return True
    return item.state in (ItemState.PLAYED, ItemState.SKIPPED) and ended_at in (None, end_of(item))


def end_of(item: QueueItem) -> str | None:
    return item.ended_at.isoformat() if item.ended_at is not None else None


class Unstop(Restore):
    """Have a stopped player paused, in its earlier voice channel."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, channel_id: str | None) -> None:
        player = state.player
        if not player.stopped:
            return
        check_control(state)
        player.paused, player.stopped = True, False
        if player.voice_channel_id is None:
            state.set_channel(channel_id)
        player.save(update_fields=["paused", "stopped", "voice_channel_id", "volume"])
        state.append(PlayerPaused())
        outcome.done += 1
        outcome.inverse.append({"do": "StopAgain"})


class StopAgain(Restore):
    """Leave the voice channel again, as Stop does."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome) -> None:
        player = state.player
        if player.stopped:
            return
        RIGHTS["stop"](state)
        outcome.inverse.append({"do": "Unstop", "channel_id": player.voice_channel_id})
        state.stop()
        state.append(VoiceLeft())
        outcome.done += 1


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


def _take_away(state: GuildState, playing: QueueItem, brought: dict[str, str] | None) -> str | None:
    """Take the current item off the player. Returns when it ended, None if it waits now."""
    if brought is not None and brought["item"] == str(playing.pk):
        state.end_item(ItemState(brought["state"]))
        playing.ended_at = datetime.fromisoformat(brought["ended_at"])
        playing.save(update_fields=["ended_at"])
        ended = TrackFinished if playing.state == ItemState.PLAYED else TrackSkipped
        state.append(ended(item=playing))
        return brought["ended_at"]
    state.put_aside(rank=at_front(state).rank)
    state.count(1)
    state.append(TrackRequeued(item=playing))
    return None


def _wait_at_front(state: GuildState, outcome: Outcome, item: QueueItem, position_ms: int) -> None:
    """Put an ended item at the front of the queue, to continue from that position."""
    if item.state == ItemState.QUEUED:
        return  # already in the queue
    item.wait(rank=at_front(state).rank, resume_ms=position_ms)
    state.count(1)
    state.append(TrackRequeued(item=item))
    outcome.done += 1
    outcome.inverse.append({"do": "RemoveAdded", "items": [str(item.pk)], "end": ItemState.SKIPPED})


class SeekBack(Restore):
    """Return to the earlier position in the current item."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, item: str, position_ms: int) -> None:
        check_jump(state)
        playing = state.player.item
        if playing is None or str(playing.pk) != item or playing.track.is_live:
            outcome.leave_out(item, REASONS[ItemState.PLAYED])
            return
        outcome.inverse.append({"do": "SeekBack", "item": item, "position_ms": seek(state, position_ms)})
        outcome.done += 1
