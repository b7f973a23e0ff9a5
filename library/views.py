"""Search over REST, and the pictures of tracks."""

from __future__ import annotations

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import InvalidInput
from library.artwork import artwork_folder
from library.search import MAX_QUERY, search_library
from library.serializers import TrackSerializer
from library.shapes import track_shape
from library.sources import searchable_sources


class SearchView(APIView):
    """Tracks of the library that have every word of `q`, best match first."""

    @extend_schema(
        parameters=[OpenApiParameter("q"), OpenApiParameter("source", enum=searchable_sources())],
        responses=TrackSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        query = request.query_params.get("q", "")
        if len(query) > MAX_QUERY or "\0" in query:
            raise InvalidInput({"q": [_("At most %(limit)s characters.") % {"limit": MAX_QUERY}]})
        source = request.query_params.get("source")
        if source is not None and source not in (sources := searchable_sources()):
            raise InvalidInput(
                {"source": [_("Must be one of %(choices)s.") % {"choices": ", ".join(sources)}]}
            )
        return Response([track_shape(track) for track in search_library(query, source=source)])


@require_GET
def artwork(request: HttpRequest, name: str) -> HttpResponse:
    """Return a picture by its hash. It never changes, so browsers may cache it forever."""
    match = re.fullmatch(r"[0-9a-f]{32}\.(png|jpg|gif|webp)", name)
    if match is None:
        raise Http404
    try:
        picture = (artwork_folder() / name).read_bytes()
    except FileNotFoundError as error:
        raise Http404 from error
    kind = "jpeg" if match[1] == "jpg" else match[1]
    response = HttpResponse(picture, content_type=f"image/{kind}")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response
