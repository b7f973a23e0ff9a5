"""How loud the bot plays."""

from __future__ import annotations

from queue_app.domain.guild_state import opened
from queue_app.domain.policy import check_control
from queue_app.models import Player
from realtime.origin import Origin


def set_volume(guild_id: str, *, volume: int, origin: Origin) -> Player:
    """Percent of the original loudness, kept until somebody sets another. Nothing is appended when it is so already.

    Raises NotAllowed.
    """
    with opened(guild_id, origin=origin) as state:
        check_control(state)
        player = state.player
        changed = player.volume != volume
        player.volume, player.volume_chosen = volume, True
        player.save(update_fields=["volume", "volume_chosen"])
        if changed:
            state.append("VolumeChanged", player=True)
        return player
