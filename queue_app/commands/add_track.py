from __future__ import annotations

from django.utils.translation import gettext_lazy

from library.query_fields import Query
from queue_app.arguments import Arguments, Position
from queue_app.domain.add import put
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_add
from queue_app.events import (
    PlayerResumed,
    QueueRenumbered,
    TrackAdded,
    TrackFailed,
    TrackSkipped,
    VoiceChanged,
)
from queue_app.models import QueueItem
from queue_app.serializers import QueueItemSerializer


class AddTrackArguments(Arguments):
    query = Query(help_text=gettext_lazy("a search, a link or a library URI"))
    position = Position(default="end")


ADDING = {
    TrackAdded: "",
    QueueRenumbered: "if there is no free rank between two items",
    TrackFailed: "if nothing matches",
    VoiceChanged: "if it sets the voice channel",
    PlayerResumed: "if playback was stopped, or paused without a track",
}


class AddTrack(Command):
    """Add the track that `query` names to the queue. `now` also skips the current track.

    If nothing matches the query, an item is added anyway and fails at once with the reason, so that people see the
    request. Adding a track resumes a stopped player. It resumes a paused player only if nothing was playing or queued.
    """

    arguments = AddTrackArguments
    right = Right("`may_add`, and `may_move` to add before other tracks", check_add)
    appends = ADDING | {TrackSkipped: "with `now`"}
    result = QueueItemSerializer
    undone = "removes it, if it is still queued"

    @staticmethod
    def run(state: GuildState, *, query: str, position: str | dict[str, str]) -> QueueItem:
        return put(state, query=query, position=position)
