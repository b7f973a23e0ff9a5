"""Import and export playlists and favorites over REST."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from urllib.parse import quote

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from accounts.errors import InvalidInput
from guilds.permissions import check_guild_id
from library.domain.exchange_playlists import export_file, import_file
from library.models import Favorite, KeptTrack
from library.playlist_queries import entries_of, read_playlist
from library.playlist_rights import Access, Reader, require_access
from library.playlist_serializers import ImportedSerializer
from library.sources.playlists import WRITERS
from realtime.idempotency import IDEMPOTENCY_KEY, command_id_of
from realtime.models import Via
from realtime.origin import Origin

# Not `format`, by which REST framework would choose a renderer.
_TYPE = OpenApiParameter("type", enum=list(WRITERS), description=gettext_lazy("Default: m3u8."))
_FILE = {(200, "application/octet-stream"): OpenApiTypes.BINARY}
MAX_FILE_NAME = 255


def _file(request: Request, name: str, kept: Sequence[KeptTrack]) -> HttpResponse:
    chosen = request.query_params.get("type", "m3u8")
    if chosen not in WRITERS:
        raise InvalidInput({"type": [_("Must be one of %(choices)s.") % {"choices": ", ".join(WRITERS)}]})
    content_type, text = export_file(name, kept, chosen)
    return HttpResponse(
        text.encode("utf-8", "replace"),
        content_type=f"{content_type}; charset=utf-8",
        headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}.{chosen}"},
    )


class ExportView(APIView):
    """The playlist as a file."""

    @extend_schema(parameters=[_TYPE], responses=_FILE)
    def get(self, request: Request, playlist_id: uuid.UUID) -> HttpResponse:
        reader = Reader(caller(request))
        playlist = require_access(reader, reader.find(playlist_id), Access.READ)
        return _file(request, playlist.name, list(entries_of(playlist)))


class ExportFavoritesView(APIView):
    """The caller's favorites as a file."""

    @extend_schema(parameters=[_TYPE], responses=_FILE)
    def get(self, request: Request) -> HttpResponse:
        favorites = Favorite.objects.filter(user=caller(request)).order_by("-id")
        return _file(request, _("Favorites"), list(favorites))


class ImportView(APIView):
    """Create a playlist from a file, which is the body: M3U, PLS, XSPF or Backline's JSON, 2 MB at most.

    Tracks are found by their path, link or words. Those that are not found are kept with their title and artist.
    """

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "name", description=gettext_lazy("Name of the playlist. Default: the name in the file.")
            ),
            OpenApiParameter(
                "file_name", description=gettext_lazy("Its suffix shows the format if the content does not.")
            ),
            OpenApiParameter("guild_id", description=gettext_lazy("For a playlist of this guild.")),
            IDEMPOTENCY_KEY,
        ],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: ImportedSerializer},
    )
    def post(self, request: Request) -> Response:
        guild_id = request.query_params.get("guild_id") or None
        if guild_id is not None:
            check_guild_id(guild_id)
        key = command_id_of(request.headers.get("Idempotency-Key", ""))
        playlist, outcome = import_file(
            request._request.body,
            file_name=request.query_params.get("file_name", "")[:MAX_FILE_NAME],
            name=request.query_params.get("name", "").strip(),
            guild_id=guild_id,
            origin=Origin(user=caller(request), via=Via.REST, command_id=key),
        )
        body = {"playlist": read_playlist(caller(request), playlist)} | outcome
        return Response(body, status=status.HTTP_201_CREATED)
