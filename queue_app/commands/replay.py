from __future__ import annotations

from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import JUMP
from queue_app.domain.seek import seek
from queue_app.errors import NothingPlaying, NotSeekable
from queue_app.events import PlayerSeeked
from queue_app.models import Player
from queue_app.serializers import PlayerSerializer


class Replay(Command):
    """Start the current track over."""

    right = JUMP
    appends = {PlayerSeeked: ""}
    result = PlayerSerializer
    undone = "returns to the earlier position"

    @staticmethod
    def run(state: GuildState) -> Player:
        """Raises NothingPlaying or NotSeekable."""
        item = state.player.item
        if item is None:
            raise NothingPlaying
        if item.track.is_live:
            raise NotSeekable
        before = seek(state, 0)
        state.undo.steps.append({"do": "SeekBack", "item": str(item.pk), "position_ms": before})
        return state.player
