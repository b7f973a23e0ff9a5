from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from queue_app.arguments import Arguments, ItemIds
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right
from queue_app.domain.remove import take_out
from queue_app.errors import ItemNotFound, NotYourItem
from queue_app.events import TrackRemoved, TracksRemoved
from queue_app.models import ItemState
from queue_app.serializers import RemovedSerializer


class RemoveItemsArguments(Arguments):
    item_ids = ItemIds(help_text=gettext_lazy("1,000 at most"))


class RemoveItems(Command):
    """Remove several queued items. Removes none if one of them is not queued or you may not remove it."""

    arguments = RemoveItemsArguments
    right = Right("the requester and DJs")
    appends = {TracksRemoved: "with at most 200 items each", TrackRemoved: "for a single item"}
    result = RemovedSerializer
    undone = "puts them back in their places"
    many = True

    @staticmethod
    def run(state: GuildState, *, item_ids: list[str]) -> dict[str, Any]:
        """Raises ItemNotFound and NotYourItem."""
        known = state.find_items(item_ids)
        for item_id in item_ids:
            if item_id not in known or known[item_id].state != ItemState.QUEUED:
                raise ItemNotFound(
                    _("The item %(item)s is not in the queue.") % {"item": item_id}, field="item_ids"
                )
        found = sorted(known.values(), key=lambda item: item.rank)
        user = state.origin.user
        if not state.is_dj and any(item.requested_by_id != (user and user.pk) for item in found):
            raise NotYourItem
        state.undo.steps.append(take_out(state, found, right="own"))
        state.undo.count = len(found)
        return {"removed": len(found)}
