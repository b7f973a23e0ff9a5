from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.strict_fields import WholeNumber
from queue_app.arguments import Arguments
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import JUMP
from queue_app.domain.seek import seek
from queue_app.errors import NothingPlaying, NotSeekable
from queue_app.events import PlayerSeeked
from queue_app.models import Player
from queue_app.serializers import PlayerSerializer

MAX_MS = 7 * 24 * 60 * 60 * 1000


class SeekArguments(Arguments):
    position_ms = WholeNumber(
        min_value=0,
        max_value=MAX_MS,
        required=False,
        help_text=gettext_lazy("position in the track, or its end if that is earlier"),
    )
    delta_ms = WholeNumber(
        min_value=-MAX_MS,
        max_value=MAX_MS,
        required=False,
        help_text=gettext_lazy("how far forward, or backward if negative"),
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError({"position_ms": [_("Name `position_ms` or `delta_ms`.")]})
        if len(attrs) > 1:
            raise serializers.ValidationError(
                {"delta_ms": [_("Name `position_ms` or `delta_ms`, not both.")]}
            )
        return attrs


class Seek(Command):
    """Continue the current track at another position."""

    arguments = SeekArguments
    right = JUMP
    appends = {PlayerSeeked: ""}
    result = PlayerSerializer
    undone = "returns to the earlier position"

    @staticmethod
    def run(state: GuildState, *, position_ms: int | None = None, delta_ms: int = 0) -> Player:
        """Raises NothingPlaying and NotSeekable."""
        player = state.player
        item = player.item
        if item is None:
            raise NothingPlaying
        if item.track.is_live:
            raise NotSeekable
        wanted = player.current_position_ms + delta_ms if position_ms is None else position_ms
        to_ms = max(0, wanted)
        if item.track.duration_ms is not None:
            to_ms = min(to_ms, item.track.duration_ms)
        before = seek(state, to_ms)
        state.undo.steps.append({"do": "SeekBack", "item": str(item.pk), "position_ms": before})
        return player
