"""Pages of the catalog, for the OpenAPI document."""

from __future__ import annotations

from django.utils.translation import gettext_lazy
from rest_framework import serializers

from library.playlist_serializers import PlaylistSerializer
from library.serializers import TrackSerializer

Shape = serializers.Serializer[dict[str, object]]


class Next(serializers.CharField):
    def __init__(self) -> None:
        text = gettext_lazy("Pass as `after` to get the next page. Null on the last page.")
        super().__init__(allow_null=True, help_text=text)


class CatalogTrackSerializer(TrackSerializer):
    album_uri = serializers.CharField(allow_null=True)
    artist_uri = serializers.CharField(allow_null=True)
    disc = serializers.IntegerField(allow_null=True)
    number = serializers.IntegerField(
        allow_null=True, help_text=gettext_lazy("Number of the track on its disc.")
    )
    year = serializers.IntegerField(allow_null=True)
    genre = serializers.CharField(allow_null=True)


class AlbumSerializer(Shape):
    uri = serializers.CharField(help_text=gettext_lazy("`album:` and the id"))
    id = serializers.CharField()
    title = serializers.CharField()
    artist = serializers.CharField(allow_null=True)
    artist_uri = serializers.CharField(allow_null=True)
    year = serializers.IntegerField(allow_null=True)
    is_compilation = serializers.BooleanField()
    track_count = serializers.IntegerField()
    artwork_url = serializers.CharField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]  # as in TrackSerializer


class ArtistSerializer(Shape):
    uri = serializers.CharField(help_text=gettext_lazy("`artist:` and the id"))
    id = serializers.CharField()
    name = serializers.CharField()
    track_count = serializers.IntegerField()
    artwork_url = serializers.CharField(allow_null=True)
    source = serializers.CharField()  # type: ignore[assignment]  # as in TrackSerializer


class FolderSerializer(Shape):
    path = serializers.CharField(help_text=gettext_lazy("Path below the library, separated by slashes."))
    name = serializers.CharField()
    track_count = serializers.IntegerField(help_text=gettext_lazy("Including the folders inside."))


class GenreSerializer(Shape):
    name = serializers.CharField()
    track_count = serializers.IntegerField()


class TrackPageSerializer(Shape):
    items = CatalogTrackSerializer(many=True)
    next = Next()


class AlbumPageSerializer(Shape):
    items = AlbumSerializer(many=True)
    next = Next()


class ArtistPageSerializer(Shape):
    items = ArtistSerializer(many=True)
    next = Next()


class FolderPageSerializer(Shape):
    items = FolderSerializer(many=True)
    next = Next()


class GenrePageSerializer(Shape):
    items = GenreSerializer(many=True)
    next = Next()


class CatalogSearchSerializer(Shape):
    tracks = TrackSerializer(many=True)
    albums = AlbumSerializer(many=True)
    artists = ArtistSerializer(many=True)
    playlists = PlaylistSerializer(many=True)


class ScanSerializer(Shape):
    running = serializers.BooleanField()
    total = serializers.IntegerField(help_text=gettext_lazy("Files found."))
    done = serializers.IntegerField(help_text=gettext_lazy("Files compared or read."))
    read = serializers.IntegerField(help_text=gettext_lazy("New and changed files."))
    skipped = serializers.IntegerField(help_text=gettext_lazy("Files that cannot be played."))
    gone = serializers.IntegerField(help_text=gettext_lazy("Tracks whose file is gone."))
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    problem = serializers.CharField(
        allow_null=True,
        help_text=gettext_lazy(
            "Why changes are not noticed at once: missing, unreadable, network_folder or watch_limit."
        ),
    )
