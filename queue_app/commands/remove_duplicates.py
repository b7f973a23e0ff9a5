from __future__ import annotations

from typing import Any

from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_clear
from queue_app.domain.remove import take_out_where
from queue_app.events import TrackRemoved, TracksRemoved
from queue_app.rows import WaitingRow
from queue_app.serializers import RemovedSerializer


class RemoveDuplicates(Command):
    """Remove queued tracks that are also queued further to the front."""

    right = Right("`may_clear`", check_clear)
    appends = {TracksRemoved: "with at most 200 items each", TrackRemoved: "for a single item"}
    result = RemovedSerializer
    undone = "puts them back in their places"
    many = True
    reads_queue = True

    @staticmethod
    def run(state: GuildState) -> dict[str, Any]:
        seen: set[int] = set()

        def is_again(item: WaitingRow) -> bool:
            if item.track_id in seen:
                return True
            seen.add(item.track_id)
            return False

        return {"removed": take_out_where(state, is_again)}
