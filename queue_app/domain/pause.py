"""Pause and resume."""

from __future__ import annotations

from queue_app.domain.guild_state import opened
from queue_app.domain.policy import check_control
from queue_app.models import Player
from queue_app.player_states import NOWHERE
from realtime.origin import Origin


def pause(guild_id: str, *, origin: Origin) -> Player:
    """Hold what plays. On a player that is paused or stopped it changes and appends nothing. Raises NotAllowed."""
    with opened(guild_id, origin=origin) as state:
        check_control(state)
        player = state.player
        if not (player.paused or player.stopped):
            player.fold_position()
            player.paused = True
            player.save(update_fields=["paused", "position_ms", "position_at"])
            state.append("PlayerPaused", player=True)
        return player


def resume(guild_id: str, *, origin: Origin) -> Player:
    """Continue, also after the bot was sent out of voice or refused by Discord. Raises NotAllowed."""
    with opened(guild_id, origin=origin) as state:
        check_control(state)
        player = state.player
        if player.paused or player.stopped or player.resume_helps:
            player.fold_position()
            player.paused = player.stopped = False
            player.save(update_fields=["paused", "stopped", "position_ms", "position_at"])
            state.seek_voice(resumed=True)
        elif player.error_code == NOWHERE:
            state.seek_voice()
        return player
