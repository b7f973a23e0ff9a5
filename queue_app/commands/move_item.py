from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from queue_app.arguments import ItemArguments, ItemId
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_move
from queue_app.domain.rank import at_front, behind, queued
from queue_app.domain.remove import place_of
from queue_app.errors import ItemNotFound
from queue_app.events import QueueRenumbered, TrackMoved
from queue_app.models import QueueItem
from queue_app.serializers import QueueItemSerializer


class MoveItemArguments(ItemArguments):
    after = ItemId(
        allow_null=True,
        help_text=gettext_lazy("the item that it should follow, or null for the front"),
        sentence=gettext_lazy("Must be the id of the item before it, or null for the front of the queue."),
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["after"] == attrs["item_id"]:
            raise serializers.ValidationError({"after": [_("An item cannot be moved after itself.")]})
        return attrs


class MoveItem(Command):
    """Move an item after another one, or to the front if `after` is null or has started."""

    arguments = MoveItemArguments
    right = Right("`may_move`", check_move)
    appends = {TrackMoved: "", QueueRenumbered: "if there is no free rank between two items"}
    result = QueueItemSerializer
    undone = "moves it back"

    @staticmethod
    def run(state: GuildState, *, item_id: str, after: str | None) -> QueueItem:
        """Raises ItemNotFound if one of the items is no longer queued."""
        item = queued(state.guild_id).select_related("track", "requested_by").filter(pk=item_id).first()
        if item is None:
            raise ItemNotFound
        target = UUID(after) if after and UUID(after) != state.player.item_id else None
        others = queued(state.guild_id).order_by("rank").values_list("pk", "rank")
        low = None
        if target is not None:
            low = others.filter(pk=target).values_list("rank", flat=True).first()
            if low is None:
                raise ItemNotFound(
                    _("The track that it should follow is no longer in the queue."), field="after"
                )
        following = (others if low is None else others.filter(rank__gt=low)).first()
        if following is None or following[0] != item.pk:
            state.undo.steps.append({"do": "MoveBack", "item": str(item.pk)} | place_of(state, item))
            if target is None or low is None:
                place = at_front(state)
            else:
                place = behind(state, target, low=low, high=following[1] if following else None)
            item.rank = place.rank
            item.save(update_fields=["rank"])
            state.append(TrackMoved(item=item, after=target))
        return item
