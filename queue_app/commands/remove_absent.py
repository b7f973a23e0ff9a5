from __future__ import annotations

from typing import Any

from accounts.models import User
from guilds.models import VoiceState
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_clear
from queue_app.domain.remove import take_out_where
from queue_app.errors import NotInVoice
from queue_app.events import TrackRemoved, TracksRemoved
from queue_app.serializers import RemovedSerializer


class RemoveAbsent(Command):
    """Remove queued tracks of people who are not in the bot's voice channel."""

    right = Right("`may_clear`", check_clear)
    appends = {TracksRemoved: "with at most 200 items each", TrackRemoved: "for a single item"}
    result = RemovedSerializer
    undone = "puts them back in their places"
    many = True
    reads_queue = True

    @staticmethod
    def run(state: GuildState) -> dict[str, Any]:
        """Raises NotInVoice."""
        channel_id = state.player.connected_channel_id or state.player.voice_channel_id
        if channel_id is None:
            raise NotInVoice
        there = VoiceState.objects.filter(channel_id=channel_id, bot=False).values_list(
            "discord_id", flat=True
        )
        present = set(User.objects.filter(discord_id__in=list(there)).values_list("pk", flat=True))
        return {"removed": take_out_where(state, lambda item: item.requested_by_id not in present)}
