"""Set the position in the current track."""

from __future__ import annotations

from queue_app.domain.guild_state import GuildState
from queue_app.domain.plays import note_jump
from queue_app.events import PlayerSeeked


def seek(state: GuildState, position_ms: int) -> int:
    """Set the position in the current item. There must be one. Returns the earlier position in milliseconds."""
    player = state.player
    item = player.item
    assert item is not None
    player.fold_position()
    before = player.position_ms
    note_jump(item, position_ms=before, to_ms=position_ms)
    state.jump(position_ms)
    state.append(PlayerSeeked(position_ms=position_ms))
    return before
