from __future__ import annotations

from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import CONTROL
from queue_app.events import PlayerResumed, VoiceChanged
from queue_app.models import Player
from queue_app.player_states import NOWHERE
from queue_app.serializers import PlayerSerializer


class Resume(Command):
    """Resume playback, also after the bot left voice or Discord refused the voice connection."""

    right = CONTROL
    appends = {PlayerResumed: "", VoiceChanged: "if it sets the voice channel"}
    result = PlayerSerializer

    @staticmethod
    def run(state: GuildState) -> Player:
        player = state.player
        if player.paused or player.stopped or player.resume_helps:
            player.fold_position()
            player.paused = player.stopped = False
            player.save(update_fields=["paused", "stopped", "position_ms", "position_at"])
            state.seek_voice(resumed=True)
        elif player.error_code == NOWHERE:
            state.seek_voice()
        return player
