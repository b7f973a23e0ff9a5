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
        help_text=gettext_lazy("any seq of the change, or null for your newest change"),
    )


class Undo(Command):
    """Undo a change of the last 24 hours and the last 1,000 events, as far as this is still possible.

    In the events, `metadata.undoes` is the first seq of that change.
    """

    arguments = UndoArguments
    right = Right(
        "the person who made the change, DJs, and the requester of a track that was skipped by vote, with the rights "
        "that each part needs"
    )
    appends = dict.fromkeys(RESTORING, "depending on the change")
    result = UndoneSerializer
    undone = "Redo"
    many = True

    @staticmethod
    def run(state: GuildState, *, seq: int | None) -> dict[str, Any]:
        """Raises NothingToUndo, NotYourChange, NotAllowed, QueueFull and ChangedSince."""
        change, outcome = undo(state, seq)
        return {"change": change.seq, "undone": outcome.done, "left_out": outcome.left_out}
