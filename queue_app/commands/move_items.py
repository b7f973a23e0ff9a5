from __future__ import annotations

from itertools import batched
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from queue_app.arguments import Arguments, ItemId, ItemIds
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_move
from queue_app.domain.rank import PART, Ranked, make_room, queued, ranks_between, write_ranks
from queue_app.domain.remove import runs_of
from queue_app.errors import ItemNotFound
from queue_app.events import QueueRenumbered, TracksMoved
from queue_app.models import ItemState
from queue_app.serializers import MovedSerializer


class MoveItemsArguments(Arguments):
    item_ids = ItemIds(help_text=gettext_lazy("1,000 at most"))
    after = ItemId(
        required=False,
        allow_null=True,
        help_text=gettext_lazy(
            "the item that they should follow, or null for the front; without it, the end"
        ),
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("after") in attrs["item_ids"]:
            raise serializers.ValidationError({"after": [_("An item cannot be moved after itself.")]})
        return attrs


class MoveItems(Command):
    """Move several items to one place, in their order. Moves none if one of them is no longer queued."""

    arguments = MoveItemsArguments
    right = Right("`may_move`", check_move)
    appends = {
        TracksMoved: "with at most 200 items each",
        QueueRenumbered: "if there are not enough free ranks between two items",
    }
    result = MovedSerializer
    undone = "moves them back"
    many = True

    @staticmethod
    def run(state: GuildState, *, item_ids: list[str], **place: str | None) -> dict[str, Any]:
        """Raises ItemNotFound."""
        known = state.find_items(item_ids)
        if any(pk not in known or known[pk].state != ItemState.QUEUED for pk in item_ids):
            raise ItemNotFound(_("One of these tracks is no longer in the queue."), field="item_ids")
        items = [(row.pk, row.rank) for row in sorted(known.values(), key=lambda row: row.rank)]
        low = _rank_before(state, place["after"]) if "after" in place else _last_rank(state, known)
        following = queued(state.guild_id).order_by("rank").values_list("pk", "rank")
        after = following if low is None else following.filter(rank__gt=low)
        behind = list(after[: len(items) + 1])
        if behind[: len(items)] == items:
            return {"moved": 0}
        state.undo.steps.append({"do": "MoveAllBack", "runs": list(runs_of(state, items, None))})
        state.undo.count = len(items)
        _move(state, items, low, behind)
        return {"moved": len(items)}


def _rank_before(state: GuildState, after: str | None) -> int | None:
    """Return the rank of the item that they should follow, None for the front."""
    if after is None or UUID(after) == state.player.item_id:
        return None
    low = queued(state.guild_id).filter(pk=UUID(after)).values_list("rank", flat=True).first()
    if low is None:
        raise ItemNotFound(_("The track that they should follow is no longer in the queue."), field="after")
    return low


def _last_rank(state: GuildState, moved: dict[str, Any]) -> int | None:
    """Return the rank of the last item that stays, None if none does."""
    last = queued(state.guild_id).order_by("-rank").values_list("pk", "rank")[: len(moved) + 1]
    return next((rank for pk, rank in last if str(pk) not in moved), None)


def _move(state: GuildState, items: list[Ranked], low: int | None, behind: list[Ranked]) -> None:
    moved = {pk for pk, _ in items}
    high = next((rank for pk, rank in behind if pk not in moved), None)
    ranks = ranks_between(low, high, len(items))
    if not ranks:
        assert low is not None  # there is always room at the front
        ranks = ranks_between(low, make_room(state, low, len(items)), len(items))
    placed = [(pk, rank) for (pk, _), rank in zip(items, ranks, strict=True)]
    write_ranks(dict(placed))
    for part in batched(placed, PART):
        state.append(TracksMoved(ranks=list(part)))
