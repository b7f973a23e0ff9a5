from __future__ import annotations

from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import CONTROL
from queue_app.events import VoiceLeft
from queue_app.models import Player
from queue_app.serializers import PlayerSerializer


class LeaveVoice(Command):
    """Leave the voice channel and stop. The current track and its position are kept."""

    right = CONTROL
    appends = {VoiceLeft: ""}
    result = PlayerSerializer

    @staticmethod
    def run(state: GuildState) -> Player:
        if not state.player.stopped:
            state.stop()
            state.append(VoiceLeft())
        return state.player
