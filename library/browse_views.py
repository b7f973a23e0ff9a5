"""`/api/library`: pages of the catalog, the search in all of it, and the state of the scan."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from accounts.errors import InvalidInput
from guilds.permissions import manages_any
from library import browse
from library.browse_serializers import (
    AlbumPageSerializer,
    AlbumSerializer,
    ArtistPageSerializer,
    ArtistSerializer,
    CatalogSearchSerializer,
    FolderPageSerializer,
    GenrePageSerializer,
    ScanSerializer,
    TrackPageSerializer,
)
from library.domain.scan_request import request_scan, scan_state
from library.errors import NotAnOperator
from library.page_parameters import PAGE_PARAMETERS, page_limit
from library.search import MAX_QUERY
from library.shapes import album_shape, artist_shape

MAX_FOUND = 50


def _text(request: Request, name: str) -> str | None:
    """Return a parameter. Raises InvalidInput if no database can store it."""
    text = request.query_params.get(name)
    if text is not None and ("\0" in text or len(text) > MAX_QUERY):
        raise InvalidInput({name: [_("At most %(limit)s characters.") % {"limit": MAX_QUERY}]})
    return text


class PageView(APIView):
    """A page of a list. `names`: the parameters that limit the list."""

    read: ClassVar[Callable[..., browse.Page]]
    names: ClassVar[tuple[str, ...]] = ()

    def answer(self, request: Request, *place: str) -> Response:
        chosen = {name: text for name in self.names if (text := _text(request, name)) is not None}
        after = request.query_params.get("after")
        return Response(type(self).read(*place, after=after, limit=page_limit(request), **chosen))


class ArtistListView(PageView):
    """The artists of the library, by name."""

    read = browse.read_artists

    @extend_schema(
        operation_id="library_artists_list", parameters=PAGE_PARAMETERS, responses=ArtistPageSerializer
    )
    def get(self, request: Request) -> Response:
        return self.answer(request)


class AlbumListView(PageView):
    """The albums of the library, by title."""

    read = browse.read_albums
    names = ("artist",)

    @extend_schema(
        operation_id="library_albums_list",
        parameters=[
            *PAGE_PARAMETERS,
            OpenApiParameter("artist", description=gettext_lazy("The id of an artist.")),
        ],
        responses=AlbumPageSerializer,
    )
    def get(self, request: Request) -> Response:
        return self.answer(request)


class TrackListView(PageView):
    """The tracks of the library, by title."""

    read = browse.read_tracks
    names = ("genre", "folder")

    @extend_schema(
        parameters=[
            *PAGE_PARAMETERS,
            OpenApiParameter("genre"),
            OpenApiParameter("folder", description=gettext_lazy("The path of a folder.")),
        ],
        responses=TrackPageSerializer,
    )
    def get(self, request: Request) -> Response:
        return self.answer(request)


class RecentView(PageView):
    """The tracks of the library, the newest first."""

    read = browse.read_recent

    @extend_schema(parameters=PAGE_PARAMETERS, responses=TrackPageSerializer)
    def get(self, request: Request) -> Response:
        return self.answer(request)


class FolderListView(PageView):
    """The folders of the library, or those inside one of them, by name."""

    read = browse.read_folders
    names = ("parent",)

    @extend_schema(
        parameters=[
            *PAGE_PARAMETERS,
            OpenApiParameter("parent", description=gettext_lazy("The path of a folder.")),
        ],
        responses=FolderPageSerializer,
    )
    def get(self, request: Request) -> Response:
        return self.answer(request)


class GenreListView(PageView):
    """The genres of the library, by name."""

    read = browse.read_genres

    @extend_schema(parameters=PAGE_PARAMETERS, responses=GenrePageSerializer)
    def get(self, request: Request) -> Response:
        return self.answer(request)


class AlbumView(APIView):
    @extend_schema(responses=AlbumSerializer)
    def get(self, request: Request, uid: str) -> Response:
        return Response(album_shape(browse.find_album(uid)))


class AlbumTracksView(PageView):
    """The tracks of an album, in order."""

    read = browse.read_album_tracks

    @extend_schema(parameters=PAGE_PARAMETERS, responses=TrackPageSerializer)
    def get(self, request: Request, uid: str) -> Response:
        return self.answer(request, uid)


class ArtistView(APIView):
    @extend_schema(responses=ArtistSerializer)
    def get(self, request: Request, uid: str) -> Response:
        return Response(artist_shape(browse.find_artist(uid)))


class ArtistTracksView(PageView):
    """The tracks of an artist and of the artist's albums, in the order of the albums."""

    read = browse.read_artist_tracks

    @extend_schema(parameters=PAGE_PARAMETERS, responses=TrackPageSerializer)
    def get(self, request: Request, uid: str) -> Response:
        return self.answer(request, uid)


class CatalogSearchView(APIView):
    """Tracks, albums and artists that have every word of `q`, best match first, and the playlists that the caller may
    read. More kinds may be added."""

    @extend_schema(
        parameters=[OpenApiParameter("q"), OpenApiParameter("limit", int)], responses=CatalogSearchSerializer
    )
    def get(self, request: Request) -> Response:
        query = _text(request, "q") or ""
        limit = page_limit(request, default=20, most=MAX_FOUND)
        return Response(browse.read_search(caller(request), query, limit=limit))


class ScanView(APIView):
    """The scan of the library's folder."""

    @extend_schema(responses=ScanSerializer)
    def get(self, request: Request) -> Response:
        """The progress of the scan. For managers of a server, and for operators."""
        user = caller(request)
        if not user.is_staff and not manages_any(user):
            raise NotAnOperator
        return Response(scan_state())

    @extend_schema(request=None, responses={202: ScanSerializer})
    def post(self, request: Request) -> Response:
        """Read all files again, including unchanged ones. For operators. The scan begins within seconds."""
        if not caller(request).is_staff:
            raise NotAnOperator
        request_scan()
        return Response(scan_state(), status=status.HTTP_202_ACCEPTED)
