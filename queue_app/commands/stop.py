from __future__ import annotations

from typing import Any

from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_clear, check_control
from queue_app.domain.remove import take_out_where
from queue_app.domain.skip import play_again
from queue_app.events import QueueCleared, TrackSkipped, VoiceLeft
from queue_app.models import ItemState
from queue_app.serializers import RemovedSerializer


def _check_stop(state: GuildState) -> None:
    check_control(state)
    check_clear(state)


class Stop(Command):
    """Stop playback: skip the current track, clear the queue and leave the voice channel."""

    right = Right("people in the bot's channel and DJs, if `may_clear` allows it", _check_stop)
    appends = {
        TrackSkipped: "for the current track",
        QueueCleared: "with at most 200 items each",
        VoiceLeft: "unless playback was already stopped",
    }
    result = RemovedSerializer
    undone = "restores the queue and the current track with its position, paused"
    many = True
    reads_queue = True

    @staticmethod
    def run(state: GuildState) -> dict[str, Any]:
        channel_id = state.player.voice_channel_id
        current = state.end_item(ItemState.SKIPPED)
        if current is not None:
            state.append(TrackSkipped(item=current))
            state.undo.steps.append(play_again(state, current) | {"right": "stop"})
        removed = take_out_where(state, lambda item: True, event=QueueCleared)
        there = channel_id is not None or state.player.connected_channel_id is not None
        if not state.player.stopped and (there or current is not None or removed):
            state.stop()
            state.append(VoiceLeft())
            state.undo.steps.append({"do": "Unstop", "channel_id": channel_id})
        state.undo.count = removed or 1
        return {"removed": removed}
