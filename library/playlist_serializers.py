"""Requests about playlists and favorites, and responses for the OpenAPI document."""

from __future__ import annotations

from typing import Unpack
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.serializers import PersonSerializer
from accounts.strict_fields import FieldOptions, ListOf, Snowflake, always
from library.serializers import TrackSerializer

MAX_NAME = 100
MAX_AT_ONCE = 1_000

Shape = serializers.Serializer[dict[str, object]]


def one_line(text: str) -> str:
    """Return the text on one line, without surrounding space."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


class PlaylistName(serializers.CharField):
    """A name on one line, without surrounding space."""

    def __init__(self, **options: Unpack[FieldOptions[str]]) -> None:
        sentence = _("Must be a name of 1 to %(limit)s characters.") % {"limit": MAX_NAME}
        super().__init__(max_length=MAX_NAME, error_messages=always(sentence), **options)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        name = one_line(data)
        if not name:
            self.fail("blank")
        return name


class EntryId(serializers.UUIDField):
    def __init__(self, **options: Unpack[FieldOptions[UUID]]) -> None:
        super().__init__(error_messages=always(_("Must be the id of an entry.")), **options)

    def to_internal_value(self, data: UUID | str | int) -> str:  # type: ignore[override]  # ids are strings in JSON
        return str(super().to_internal_value(data))


# --- Requests ---


class PlaylistChangeSerializer(Shape):
    name = PlaylistName()


class PlaylistCreateSerializer(PlaylistChangeSerializer):
    guild_id = Snowflake(
        required=False,
        allow_null=True,
        help_text=gettext_lazy("For a playlist of this guild. Null for one of your own."),
    )


class EntryIdsSerializer(Shape):
    entry_ids = ListOf(EntryId(), limit=MAX_AT_ONCE)


class MoveEntrySerializer(Shape):
    after = EntryId(allow_null=True, help_text=gettext_lazy("The entry before it. Null for the beginning."))


# --- Responses ---


class PlaylistSummarySerializer(Shape):
    id = serializers.CharField()
    uri = serializers.CharField(
        help_text=gettext_lazy("Pass it as `from` of AddTracks to add the whole playlist.")
    )
    name = serializers.CharField()
    guild_id = serializers.CharField(allow_null=True, help_text=gettext_lazy("Null for a person's playlist."))
    length = serializers.IntegerField(help_text=gettext_lazy("Number of entries."))


class PlaylistSerializer(PlaylistSummarySerializer):
    owner = PersonSerializer(
        allow_null=True,
        help_text=gettext_lazy(
            "The person who created it, if it is a guild's. Null if their account is gone."
        ),
    )
    shared = serializers.BooleanField(help_text=gettext_lazy("Whether anybody else may read it."))
    access = serializers.ChoiceField(
        choices=["read", "edit", "manage"],
        help_text=gettext_lazy(
            "What the caller may do: play it, also change its entries, or also rename, share and delete it."
        ),
    )
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class EntrySerializer(Shape):
    id = serializers.CharField()
    track = TrackSerializer()
    available = serializers.BooleanField(
        help_text=gettext_lazy("False if the track is gone. It is then shown as it was when it was added.")
    )
    added_by = PersonSerializer(allow_null=True)
    added_at = serializers.DateTimeField()


class EntryPageSerializer(Shape):
    items = EntrySerializer(many=True)
    length = serializers.IntegerField(help_text=gettext_lazy("Number of entries on all pages."))
    duration_ms = serializers.IntegerField(
        help_text=gettext_lazy("Total length of the entries whose length is known.")
    )
    next = serializers.CharField(
        allow_null=True,
        help_text=gettext_lazy("Pass as `after` to get the next page. Null on the last page."),
    )


class LeftOutOfPlaylistSerializer(Shape):
    uri = serializers.CharField()
    reason = serializers.ChoiceField(choices=["NOTHING_FOUND"])


class EntriesAddedSerializer(Shape):
    added = serializers.IntegerField()
    entry_ids = serializers.ListField(child=serializers.CharField())
    left_out = LeftOutOfPlaylistSerializer(many=True)


class EntriesRemovedSerializer(Shape):
    removed = serializers.IntegerField()


class EntriesRestoredSerializer(Shape):
    restored = serializers.IntegerField()


class CollaboratorSerializer(Shape):
    id = serializers.IntegerField()
    user = PersonSerializer(allow_null=True)
    guild_id = serializers.CharField(allow_null=True)
    role_id = serializers.CharField(allow_null=True, help_text=gettext_lazy("Null for every member."))


class FavoriteSerializer(Shape):
    track = TrackSerializer()
    available = serializers.BooleanField()
    added_at = serializers.DateTimeField()


class FavoritePageSerializer(Shape):
    items = FavoriteSerializer(many=True)
    length = serializers.IntegerField(help_text=gettext_lazy("Number of favorites on all pages."))
    next = serializers.CharField(
        allow_null=True,
        help_text=gettext_lazy("Pass as `after` to get the next page. Null on the last page."),
    )


class UnmatchedLineSerializer(Shape):
    number = serializers.IntegerField(help_text=gettext_lazy("Position of the track in the file, from 1."))
    location = serializers.CharField()
    title = serializers.CharField(allow_null=True)
    artist = serializers.CharField(allow_null=True)
    reason = serializers.ChoiceField(choices=["NOT_IN_LIBRARY", "BAD_LINK"])


class ImportedSerializer(Shape):
    playlist = PlaylistSerializer()
    imported = serializers.IntegerField(help_text=gettext_lazy("Number of tracks that were found."))
    kept = serializers.IntegerField(
        help_text=gettext_lazy(
            "Number of tracks that were not found. The playlist keeps their titles and artists."
        )
    )
    surplus = serializers.IntegerField(
        help_text=gettext_lazy("Number of tracks after the first 10,000, which were not read.")
    )
    unmatched = UnmatchedLineSerializer(many=True, help_text=gettext_lazy("The first 1,000 of them."))
    unmatched_total = serializers.IntegerField()


class FavoriteUrisSerializer(Shape):
    uris = serializers.ListField(child=serializers.CharField())
