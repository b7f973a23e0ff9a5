from __future__ import annotations

from typing import Unpack

from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.strict_fields import FieldOptions, always
from queue_app.arguments import Arguments
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_clear
from queue_app.domain.remove import take_out_where
from queue_app.events import QueueCleared, TrackRemoved
from queue_app.models import QueueItem
from queue_app.queries import failed_items
from queue_app.rows import WaitingRow
from queue_app.serializers import ClearedSerializer

ALL, MINE = "all", "mine"


class Whose(serializers.CharField):
    def __init__(self, **options: Unpack[FieldOptions[str]]) -> None:
        sentence = always(gettext_lazy("Must be all, mine or the id of a user."))
        super().__init__(error_messages=sentence, max_length=20, **options)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str) or not (data in (ALL, MINE) or (data.isascii() and data.isdecimal())):
            self.fail("invalid")
        if len(data) > 18:
            self.fail("invalid")
        return data


class ClearQueueArguments(Arguments):
    whose = Whose(default=ALL, help_text=gettext_lazy("`all`, `mine` or the id of a user"))


class ClearQueue(Command):
    """Clear the queue, or remove one person's tracks, and dismiss failed tracks. The current track continues."""

    arguments = ClearQueueArguments
    right = Right("`may_clear`, and everybody with `mine`")
    appends = {QueueCleared: "with at most 200 items each", TrackRemoved: "for each item in `failed`"}
    result = ClearedSerializer
    undone = "puts them back in their places"
    many = True
    reads_queue = True

    @staticmethod
    def run(state: GuildState, *, whose: str) -> dict[str, int]:
        """Raises NotAllowed."""
        right = "own" if whose == MINE else "clear"
        if whose != MINE:
            check_clear(state)
        user = state.origin.user
        person = None if whose == ALL else (user.pk if user else 0) if whose == MINE else int(whose)

        def is_theirs(item: WaitingRow | QueueItem) -> bool:
            return person is None or item.requested_by_id == person

        removed = take_out_where(state, is_theirs, right=right, event=QueueCleared)
        failed = [item for item in failed_items(state.guild_id) if is_theirs(item)]
        for item in failed:
            state.dismiss(item, why="cleared")
        if failed:
            ids = [str(item.pk) for item in failed]
            state.undo.steps.append({"do": "ShowFailed", "items": ids, "right": right})
        state.undo.count = removed or len(failed)
        return {"removed": removed} | ({"dismissed": len(failed)} if failed else {})
