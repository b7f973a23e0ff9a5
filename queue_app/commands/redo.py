from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

from accounts.strict_fields import WholeNumber
from queue_app.arguments import Arguments
from queue_app.commands.undo import MAX_SEQ
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right
from queue_app.domain.undo import redo
from queue_app.events import RESTORING
from queue_app.serializers import RedoneSerializer


class RedoArguments(Arguments):
    seq = WholeNumber(
        min_value=1,
        max_value=MAX_SEQ,
        allow_null=True,
        default=None,
        help_text=gettext_lazy(
            "any seq of the change, or null for the change that you undid last, unless you made another one since"
        ),
    )


class Redo(Command):
    """Redo a change that was undone. In the events, `metadata.redoes` is the first seq of that change."""

    arguments = RedoArguments
    right = Right("the person who made or undid the change, and DJs, with the rights that each part needs")
    appends = dict.fromkeys(RESTORING, "depending on the change")
    result = RedoneSerializer
    undone = "Undo"
    many = True

    @staticmethod
    def run(state: GuildState, *, seq: int | None) -> dict[str, Any]:
        """Raises NothingToRedo, NotYourChange, NotAllowed, QueueFull and ChangedSince."""
        change, outcome = redo(state, seq)
        return {"change": change.seq, "redone": outcome.done, "left_out": outcome.left_out}
