from __future__ import annotations

from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import CONTROL
from queue_app.events import PlayerPaused
from queue_app.models import Player
from queue_app.serializers import PlayerSerializer


class Pause(Command):
    """Pause playback."""

    right = CONTROL
    appends = {PlayerPaused: ""}
    result = PlayerSerializer

    @staticmethod
    def run(state: GuildState) -> Player:
        player = state.player
        if not (player.paused or player.stopped):
            player.fold_position()
            player.paused = True
            player.save(update_fields=["paused", "position_ms", "position_at"])
            state.append(PlayerPaused())
        return player
