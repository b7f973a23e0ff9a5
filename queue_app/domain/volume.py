"""How loud the bot plays."""

from __future__ import annotations

from queue_app.domain.guild_state import opened
from queue_app.domain.policy import check_control
from queue_app.models import Player
from realtime.origin import Origin


def set_volume(guild_id: str, *, volume: int, origin: Origin) -> Player:
    """Percent of the original loudness; nothing is appended when it is so already. Raises NotAllowed."""
    with opened(guild_id, origin=origin) as state:
        check_control(state)
        player = state.player
        if player.volume != volume:
            player.volume = volume
            player.save(update_fields=["volume"])
            state.append("VolumeChanged", player=True)
        return player
