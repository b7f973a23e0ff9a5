from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

from accounts.strict_fields import WholeNumber
from queue_app.arguments import Arguments
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right
from queue_app.domain.undo import undo
from queue_app.events import RESTORING
from queue_app.serializers import UndoneSerializer

MAX_SEQ = 2**53 - 1


class UndoArguments(Arguments):
    seq = WholeNumber(
        min_value=1,
        max_value=MAX_SEQ,
        allow_null=True,
        default=None,
        help_text=gettext_lazy("any seq of the change; null: your newest change"),
    )


class Undo(Command):
    """Undo a change of the last 24 hours and 1,000 events: what is still possible of it.

    The events say which change they undo: `metadata.undoes` is its first seq.
    """

    arguments = UndoArguments
    right = Right(
        "who made the change, a DJ, the requester of a track that a vote skipped; and as each part needs it"
    )
    appends = dict.fromkeys(RESTORING, "as the change needs it")
    result = UndoneSerializer
    undone = "Redo"

    @staticmethod
    def run(state: GuildState, *, seq: int | None) -> dict[str, Any]:
        """Raises NothingToUndo, NotYourChange, NotAllowed, QueueFull or ChangedSince."""
        change, outcome = undo(state, seq)
        return {"change": change.seq, "undone": outcome.done, "left_out": outcome.left_out}
