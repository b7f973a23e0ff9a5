"""The steps that undo or redo a change. `Change.inverse` is a list of them, JSON-ready: `{"do": <class>, …}`.

A step does what is still possible. Its outcome lists what was left out, and the steps that would reverse it.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from queue_app.domain.guild_state import GuildState, Step
from queue_app.domain.restore import current, lists, queue, values  # importing them declares their steps
from queue_app.domain.restore.step import Outcome, Restore
from queue_app.errors import NothingToUndo

__all__ = ["Outcome", "current", "lists", "queue", "take_steps", "values"]

_STEPS: dict[str, type[Restore]] = {step.__name__: step for step in Restore.__subclasses__()}


def take_steps(state: GuildState, steps: list[Step]) -> Outcome:
    """Take steps in order. Raises NotAllowed, NotYourItem, QueueFull and ChangedSince, which roll everything back."""
    outcome = Outcome()
    for step in steps:
        taken = _STEPS.get(step["do"])
        if taken is None:
            raise NothingToUndo(_("This change was made by another version of Backline."))
        arguments = {name: value for name, value in step.items() if name != "do"}
        inverse = outcome.inverse
        outcome.inverse = []
        taken.take(state, outcome, **arguments)
        outcome.inverse += inverse  # the last step is reversed first
    return outcome
