from __future__ import annotations

from typing import Any

from django.conf import settings as program
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.strict_fields import ListOf, YesOrNo
from library.domain.find import find_tracks
from library.domain.whole import Wanted, tracks_of
from library.query_fields import Uri, WholeUri
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
    uris = ListOf(
        Uri(),
        limit=MAX_TRACKS,
        required=False,
        help_text=gettext_lazy("library URIs and links, 1,000 at most"),
    )
    position = Position(default="end")
    shuffle = YesOrNo(default=False, help_text=gettext_lazy("in a random order"))

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        whole = WholeUri(
            required=False,
            source="whole",
            help_text=gettext_lazy(
                "instead of `uris`: the URI of an album, an artist, a folder or a playlist, or `favorites:`"
            ),
        )
        return {"from": whole, **super().get_fields()}  # a Python keyword

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("uris" in attrs) == ("whole" in attrs):
            raise serializers.ValidationError({"uris": [_("Send either `uris` or `from`.")]})
        return attrs


class AddTracks(Command):
    """Add several tracks, or a whole album, artist, folder or playlist. `now` also skips the current track.

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
    def run(
        state: GuildState,
        *,
        position: str | dict[str, str],
        shuffle: bool,
        uris: list[str] | None = None,
        whole: str = "",
    ) -> dict[str, Any]:
        """Raises NotAllowed, ItemNotFound, NothingFound, PlaylistNotFound, QueueFull or QueueCapReached."""
        wanted: list[Wanted]
        if uris is None:
            wanted = tracks_of(whole, user=state.origin.user, limit=program.QUEUE_MAX_ITEMS)
        else:
            found = find_tracks(uris)
            wanted = [(uri, found.get(uri)) for uri in uris]
        return put_all(state, wanted, position=position, shuffle=shuffle)
