"""What a step of an undo is: its outcome, its rights, and why it leaves items out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from queue_app.domain.guild_state import GuildState, Step
from queue_app.domain.policy import check_clear, check_control, check_may_add
from queue_app.errors import NotYourItem
from queue_app.left_out import Restoring
from queue_app.models import ItemState, QueueItem
from queue_app.rows import ItemRow


def _check_stop(state: GuildState) -> None:
    check_control(state)
    check_clear(state)


# The checks of rights, by the names that steps use.
RIGHTS: dict[str, Callable[[GuildState], object]] = {
    "add": check_may_add,
    "add before": check_may_add,  # and `check_move`, if they come to stand before other items
    "clear": check_clear,
    "control": check_control,
    "stop": _check_stop,
    "own": lambda state: None,  # checked for each item by `check_items`
    "any": lambda state: None,  # no right of its own: another step of the change has one
}

# Why an item is left out, by its current state.
REASONS = {
    ItemState.QUEUED: Restoring.ALREADY_QUEUED,
    ItemState.PLAYING: Restoring.ALREADY_PLAYED,
    ItemState.PLAYED: Restoring.ALREADY_PLAYED,
    ItemState.SKIPPED: Restoring.ALREADY_PLAYED,
    ItemState.REMOVED: Restoring.ALREADY_REMOVED,
    ItemState.FAILED: Restoring.ALREADY_FAILED,
}


@dataclass
class Outcome:
    """What steps did. `done` counts restored items and values. `inverse` lists the steps that reverse them."""

    done: int = 0
    left_out: list[dict[str, str]] = field(default_factory=list)
    inverse: list[Step] = field(default_factory=list)

    def leave_out(self, item_id: str | UUID, reason: Restoring) -> None:
        self.left_out.append({"item_id": str(item_id), "reason": str(reason)})


class Restore:
    """A step. `take` does it in an open guild. Raises a refusal if the caller does not have the right."""

    take: ClassVar[Callable[..., None]]


def load_items(state: GuildState, ids: Sequence[str]) -> dict[str, QueueItem]:
    """Return a few items of the guild by their ids, with their tracks and requesters loaded."""
    # Filtered by id only: with a filter by guild, SQLite would read all items of the guild.
    items = QueueItem.objects.select_related("track", "requested_by").filter(pk__in=ids)
    return {str(item.pk): item for item in items if item.guild_id == state.guild_id}


def reason_of(item: QueueItem | ItemRow | None) -> Restoring:
    return Restoring.GONE if item is None else REASONS[ItemState(item.state)]


def check_items(state: GuildState, items: Iterable[QueueItem | ItemRow], right: str) -> None:
    """Raises NotYourItem if the right is for one's own items, and one of these is somebody else's."""
    user = state.origin.user
    if (
        right == "own"
        and not state.is_dj
        and any(item.requested_by_id != (user and user.pk) for item in items)
    ):
        raise NotYourItem
