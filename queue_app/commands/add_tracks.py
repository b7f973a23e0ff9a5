from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

from accounts.strict_fields import ListOf, YesOrNo
from queue_app.arguments import Arguments, Position
from queue_app.commands.add_track import ADDING, Uri
from queue_app.domain.add_many import put_all
from queue_app.domain.command import Command
from queue_app.domain.guild_state import GuildState
from queue_app.domain.policy import Right, check_add
from queue_app.events import TracksAdded, TrackSkipped
from queue_app.serializers import AddedSerializer

MAX_TRACKS = 1_000


class AddTracksArguments(Arguments):
    uris = ListOf(Uri(), limit=MAX_TRACKS, help_text=gettext_lazy("library uris and links, 1,000 at most"))
    position = Position(default="end")
    shuffle = YesOrNo(default=False, help_text=gettext_lazy("in a random order"))


class AddTracks(Command):
    """Put several tracks into the queue, in this order; `now` also skips what plays.

    Tracks that do not fit, are no longer in the library or come from a source that the guild does not allow are left
    out, and the result names them. It is refused where nothing can be added.
    """

    arguments = AddTracksArguments
    right = Right("`may_add`; before others `may_move` too", check_add)
    appends = {TracksAdded: "of at most 200 items each"} | ADDING | {TrackSkipped: "for `now`"}
    result = AddedSerializer
    undone = "removes those that still wait"

    @staticmethod
    def run(state: GuildState, *, uris: list[str], position: Any, shuffle: bool) -> dict[str, Any]:
        """Raises NotAllowed, ItemNotFound, NothingFound, QueueFull or QueueCapReached."""
        return put_all(state, uris=uris, position=position, shuffle=shuffle)
