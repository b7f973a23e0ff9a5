from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

from accounts.strict_fields import ListOf, YesOrNo
from library.query_fields import Uri
from queue_app.arguments import Arguments, Position
from queue_app.commands.add_track import ADDING
from queue_app.domain.add_many import put_all
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_add
from queue_app.events import TracksAdded, TrackSkipped
from queue_app.serializers import AddedSerializer

MAX_TRACKS = 1_000


class AddTracksArguments(Arguments):
    uris = ListOf(Uri(), limit=MAX_TRACKS, help_text=gettext_lazy("library URIs and links, 1,000 at most"))
    position = Position(default="end")
    shuffle = YesOrNo(default=False, help_text=gettext_lazy("in a random order"))


class AddTracks(Command):
    """Add several tracks to the queue, in this order. `now` also skips the current track.

    Tracks are left out if they exceed a limit, are no longer in the library, or come from a source that the guild
    does not allow. The result lists them. The command is refused if no track can be added.
    """

    arguments = AddTracksArguments
    right = Right("`may_add`, and `may_move` to add before other tracks", check_add)
    appends = {TracksAdded: "with at most 200 items each"} | ADDING | {TrackSkipped: "with `now`"}
    result = AddedSerializer
    undone = "removes those that are still queued"
    many = True

    @staticmethod
    def run(state: GuildState, *, uris: list[str], position: Any, shuffle: bool) -> dict[str, Any]:
        """Raises NotAllowed, ItemNotFound, NothingFound, QueueFull or QueueCapReached."""
        return put_all(state, uris=uris, position=position, shuffle=shuffle)
