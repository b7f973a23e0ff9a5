"""Events of the playlists of a guild. Nothing is recorded about the playlists of people, which are their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from django.utils.translation import gettext_lazy

from library.models import Playlist
from library.playlist_serializers import PlaylistSummarySerializer
from library.playlist_shapes import summary_shape
from realtime.events import Deed, Shape, TypedEvent, Words


class PlaylistEvent(TypedEvent):
    """Base of events of a guild's playlist."""

    log = "guild"
    reducer = "nothing; clients that show playlists fetch this one again"
    shapes: ClassVar = {Playlist: Shape(summary_shape, PlaylistSummarySerializer)}
    calm = True
    playlist: Playlist

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        return {"name": args["playlist"]["name"]}


class PlaylistCreated(PlaylistEvent):
    """A playlist of the guild was created, or restored after it was deleted."""

    sentence = Deed(
        gettext_lazy("%(who)s created the playlist %(name)s."),
        gettext_lazy("You created the playlist %(name)s."),
    )


class PlaylistChanged(PlaylistEvent):
    """The name, the tracks or the collaborators of a playlist changed."""

    sentence = Deed(
        gettext_lazy("%(who)s changed the tracks of the playlist %(name)s."),
        gettext_lazy("You changed the tracks of the playlist %(name)s."),
    )
    change: Literal["name", "tracks", "collaborators"]

    @classmethod
    def words(cls, args: Mapping[str, Any], *, by_bot: bool) -> Words:
        match args["change"]:
            case "name":
                return Deed(
                    gettext_lazy("%(who)s renamed a playlist to %(name)s."),
                    gettext_lazy("You renamed a playlist to %(name)s."),
                )
            case "collaborators":
                return Deed(
                    gettext_lazy("%(who)s changed who may edit the playlist %(name)s."),
                    gettext_lazy("You changed who may edit the playlist %(name)s."),
                )
        return cls.sentence


class PlaylistDeleted(PlaylistEvent):
    """A playlist of the guild was deleted. It can be restored for a day."""

    sentence = Deed(
        gettext_lazy("%(who)s deleted the playlist %(name)s."),
        gettext_lazy("You deleted the playlist %(name)s."),
    )
