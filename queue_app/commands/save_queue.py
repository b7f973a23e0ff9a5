from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

from accounts.strict_fields import YesOrNo
from library.events import PlaylistCreated
from library.playlist_serializers import PlaylistName
from queue_app.arguments import Arguments
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right
from queue_app.domain.save_queue import save_queue
from queue_app.events import QueueSaved
from queue_app.serializers import QueueSavedSerializer


class SaveQueueArguments(Arguments):
    name = PlaylistName(help_text=gettext_lazy("the name of the new playlist"))
    shared = YesOrNo(
        default=False, help_text=gettext_lazy("as a playlist of the server instead of one of your own")
    )


class SaveQueue(Command):
    """Save the current track and the queue as a new playlist."""

    arguments = SaveQueueArguments
    right = Right("members")
    appends = {QueueSaved: "", PlaylistCreated: "with `shared`"}
    result = QueueSavedSerializer
    undone = "deletes the playlist"
    many = reads_queue = True

    @staticmethod
    def run(state: GuildState, *, name: str, shared: bool) -> dict[str, Any]:
        """Raises NothingQueued, TooManyPlaylists and PlaylistFull."""
        return save_queue(state, name, shared=shared)
