from __future__ import annotations

from django.utils.translation import gettext_lazy

from accounts.strict_fields import WholeNumber
from guilds.models import MAX_VOLUME
from queue_app.arguments import Arguments
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState, Step
from queue_app.domain.policy import CONTROL
from queue_app.events import VolumeChanged
from queue_app.models import Player
from queue_app.serializers import PlayerSerializer


class SetVolumeArguments(Arguments):
    volume = WholeNumber(
        min_value=0, max_value=MAX_VOLUME, help_text=gettext_lazy("percent of the original loudness")
    )


class SetVolume(Command):
    """Set the volume."""

    arguments = SetVolumeArguments
    right = CONTROL
    appends = {VolumeChanged: ""}
    result = PlayerSerializer
    undone = "restores the earlier volume, unless it was changed again"

    @staticmethod
    def run(state: GuildState, *, volume: int) -> Player:
        player = state.player
        changed = player.volume != volume
        before: Step = {"to": player.volume, "expected": volume, "chosen": player.volume_chosen}
        player.volume, player.volume_chosen = volume, True
        player.save(update_fields=["volume", "volume_chosen"])
        if changed:
            state.append(VolumeChanged())
            state.undo.steps.append({"do": "RestoreVolume"} | before)
        return player
