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
            "any seq of the change; null: what you undid last, unless you changed something since"
        ),
    )


class Redo(Command):
    """Do again what was undone. The events say which change they redo: `metadata.redoes` is its first seq."""

    arguments = RedoArguments
    right = Right("who made or undid the change, a DJ; and as each part needs it")
    appends = dict.fromkeys(RESTORING, "as the change needs it")
    result = RedoneSerializer
    undone = "Undo"

    @staticmethod
    def run(state: GuildState, *, seq: int | None) -> dict[str, Any]:
        """Raises NothingToRedo, NotYourChange, NotAllowed, QueueFull or ChangedSince."""
        change, outcome = redo(state, seq)
        return {"change": change.seq, "redone": outcome.done, "left_out": outcome.left_out}
