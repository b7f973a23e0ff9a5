from __future__ import annotations

from django.utils.translation import gettext_lazy

from accounts.strict_fields import OneOf
from queue_app.arguments import Arguments
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import CONTROL
from queue_app.events import LoopChanged
from queue_app.models import Loop, Player
from queue_app.serializers import PlayerSerializer


class SetLoopArguments(Arguments):
    loop = OneOf(Loop.choices, help_text=gettext_lazy("what is repeated"))


class SetLoop(Command):
    """Set what is repeated: nothing, the current track, or the queue. Failed tracks are never repeated."""

    arguments = SetLoopArguments
    right = CONTROL
    appends = {LoopChanged: ""}
    result = PlayerSerializer
    undone = "restores the earlier loop, unless it was changed again"

    @staticmethod
    def run(state: GuildState, *, loop: str) -> Player:
        player = state.player
        if player.loop != loop:
            state.undo.steps.append({"do": "RestoreLoop", "to": player.loop, "expected": loop})
            player.loop = loop
            player.save(update_fields=["loop"])
            state.append(LoopChanged())
        return player
