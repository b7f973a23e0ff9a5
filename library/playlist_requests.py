"""Requests about playlists whose fields are tracks."""

from __future__ import annotations

from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.strict_fields import ListOf
from library.playlist_serializers import MAX_AT_ONCE, EntryId
from library.query_fields import Uri


class AddEntriesSerializer(serializers.Serializer[dict[str, object]]):
    uris = ListOf(Uri(), limit=MAX_AT_ONCE, help_text=gettext_lazy("library URIs and links, 1,000 at most"))
    after = EntryId(
        required=False,
        allow_null=True,
        help_text=gettext_lazy("The entry before them. Null for the beginning. Default: the end."),
    )


class FavoriteRequestSerializer(serializers.Serializer[dict[str, object]]):
    uri = Uri()


class AmongFavoritesSerializer(serializers.Serializer[dict[str, object]]):
    uris = ListOf(serializers.CharField(max_length=2000), limit=MAX_AT_ONCE)
