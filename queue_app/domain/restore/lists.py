"""Steps that delete and restore the playlist that SaveQueue made."""

from __future__ import annotations

import uuid

from library.domain.playlists import delete_playlist, restore_playlist
from library.errors import PlaylistNotFound
from queue_app.domain.guild_state import GuildState
from queue_app.domain.restore.step import Outcome, Restore
from queue_app.events import QueueSaved
from queue_app.left_out import Restoring


class DeleteSaved(Restore):
    """Delete the playlist. Its own rights apply: nobody else can delete a person's playlist."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, playlist_id: str, count: int) -> None:
        try:
            delete_playlist(uuid.UUID(playlist_id), origin=state.origin)
        except PlaylistNotFound:
            outcome.leave_out(playlist_id, Restoring.GONE)
            return
        state.append(QueueSaved(count=count, deleted=True))
        outcome.inverse.append({"do": "RestoreSaved", "playlist_id": playlist_id, "count": count})
        outcome.done += 1


class RestoreSaved(Restore):
    """Restore the playlist."""

    @staticmethod
    def take(state: GuildState, outcome: Outcome, *, playlist_id: str, count: int) -> None:
        try:
            restore_playlist(uuid.UUID(playlist_id), origin=state.origin)
        except PlaylistNotFound:
            outcome.leave_out(playlist_id, Restoring.GONE)
            return
        state.append(QueueSaved(count=count))
        outcome.inverse.append({"do": "DeleteSaved", "playlist_id": playlist_id, "count": count})
        outcome.done += 1
