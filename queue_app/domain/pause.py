"""Pause and resume."""

from __future__ import annotations

from queue_app.domain.guild_state import opened
from queue_app.domain.policy import check_control
from queue_app.models import Player
from realtime.origin import Origin


def pause(guild_id: str, *, origin: Origin) -> Player:
    """Hold what plays. Pausing twice changes nothing and appends nothing. Raises NotAllowed."""
    with opened(guild_id, origin=origin) as state:
        check_control(state)
        if not state.player.paused:
            state.player.fold_position()
            state.player.paused = True
            state.player.save(update_fields=["paused", "position_ms", "position_at"])
            state.append("PlayerPaused", player=True)
        return state.player


def resume(guild_id: str, *, origin: Origin) -> Player:
    """Go on, also after the bot was sent out of voice. Raises NotAllowed."""
    with opened(guild_id, origin=origin) as state:
        check_control(state)
        if state.player.paused or state.player.stopped:
            if state.player.stopped:
                state.settle_channel(origin.user)
            state.player.fold_position()
            state.player.paused = state.player.stopped = False
            state.player.save(update_fields=["paused", "stopped", "position_ms", "position_at"])
            state.append("PlayerResumed", player=True)
        return state.player
