"""`/api/playlists` and `/api/favorites`: the caller's playlists, those shared with them, and their favorites."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from accounts.errors import InvalidInput
from guilds.permissions import check_guild_id, require_member
from guilds.serializers import AudienceSerializer
from library.domain import collaborators, favorites, playlist_entries, playlists
from library.models import Playlist
from library.playlist_queries import PAGE, read_entries, read_favorites, read_playlist, read_playlists
from library.playlist_requests import (
    AddEntriesSerializer,
    AmongFavoritesSerializer,
    FavoriteRequestSerializer,
)
from library.playlist_rights import Access, Reader, require_access
from library.playlist_serializers import (
    CollaboratorSerializer,
    EntriesAddedSerializer,
    EntriesRemovedSerializer,
    EntriesRestoredSerializer,
    EntryIdsSerializer,
    EntryPageSerializer,
    FavoritePageSerializer,
    FavoriteUrisSerializer,
    MoveEntrySerializer,
    PlaylistChangeSerializer,
    PlaylistCreateSerializer,
    PlaylistSerializer,
)
from library.playlist_shapes import collaborator_shape
from library.query_fields import storable
from realtime.idempotency import IDEMPOTENCY_KEY, command_id_of
from realtime.models import Via
from realtime.origin import Origin

_PAGE = [OpenApiParameter("after"), OpenApiParameter("limit", int)]


def _origin(request: Request) -> Origin:
    key = command_id_of(request.headers.get("Idempotency-Key", ""))
    return Origin(user=caller(request), via=Via.REST, command_id=key)


def _read(request: Request, body: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """Return the valid body. Raises DRF's ValidationError."""
    read = body(data=request.data)
    read.is_valid(raise_exception=True)
    return dict(read.validated_data)


def _find(request: Request, playlist_id: uuid.UUID, needed: Access = Access.READ) -> Playlist:
    reader = Reader(caller(request))
    return require_access(reader, reader.find(playlist_id), needed)


def _page(request: Request) -> dict[str, Any]:
    """Return `after` and `limit` of the query string. Raises InvalidInput."""
    numbers: dict[str, int | None] = {}
    for name in ("after", "limit"):
        text = request.query_params.get(name)
        if text is not None and not re.fullmatch(r"[0-9]{1,18}", text):
            raise InvalidInput({name: [_("Must be a whole number.")]})
        numbers[name] = None if text is None else int(text)
    return {"after": numbers["after"], "limit": min(max(numbers["limit"] or PAGE, 1), PAGE)}


class PlaylistListView(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("guild_id", description=gettext_lazy("Only those of this guild."))],
        responses=PlaylistSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """The caller's playlists, those shared with them, and those of their guilds, by name."""
        guild_id = request.query_params.get("guild_id")
        if guild_id is not None:
            check_guild_id(guild_id)
            require_member(caller(request), guild_id)
        return Response(read_playlists(caller(request), guild_id=guild_id))

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY], request=PlaylistCreateSerializer, responses={201: PlaylistSerializer}
    )
    def post(self, request: Request) -> Response:
        body = _read(request, PlaylistCreateSerializer)
        made = playlists.create_playlist(body["name"], guild_id=body.get("guild_id"), origin=_origin(request))
        return Response(read_playlist(caller(request), made), status=status.HTTP_201_CREATED)


class PlaylistView(APIView):
    @extend_schema(responses=PlaylistSerializer)
    def get(self, request: Request, playlist_id: uuid.UUID) -> Response:
        return Response(read_playlist(caller(request), _find(request, playlist_id)))

    @extend_schema(request=PlaylistChangeSerializer, responses=PlaylistSerializer)
    def patch(self, request: Request, playlist_id: uuid.UUID) -> Response:
        body = _read(request, PlaylistChangeSerializer)
        changed = playlists.rename_playlist(playlist_id, body["name"], origin=_origin(request))
        return Response(read_playlist(caller(request), changed))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, playlist_id: uuid.UUID) -> Response:
        """Delete a playlist. It can be restored for a day."""
        playlists.delete_playlist(playlist_id, origin=_origin(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class RestoreView(APIView):
    """Restore a deleted playlist."""

    @extend_schema(request=None, responses=PlaylistSerializer)
    def post(self, request: Request, playlist_id: uuid.UUID) -> Response:
        restored = playlists.restore_playlist(playlist_id, origin=_origin(request))
        return Response(read_playlist(caller(request), restored))


class EntryListView(APIView):
    @extend_schema(parameters=_PAGE, responses=EntryPageSerializer)
    def get(self, request: Request, playlist_id: uuid.UUID) -> Response:
        return Response(read_entries(_find(request, playlist_id), **_page(request)))

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY], request=AddEntriesSerializer, responses={201: EntriesAddedSerializer}
    )
    def post(self, request: Request, playlist_id: uuid.UUID) -> Response:
        """Add tracks and links. Those that no longer exist are left out."""
        body = _read(request, AddEntriesSerializer)
        added = playlist_entries.add_tracks(playlist_id, **body, origin=_origin(request))
        return Response(added, status=status.HTTP_201_CREATED)


class EntryView(APIView):
    @extend_schema(request=MoveEntrySerializer, responses={204: None})
    def patch(self, request: Request, playlist_id: uuid.UUID, entry_id: uuid.UUID) -> Response:
        """Move an entry."""
        body = _read(request, MoveEntrySerializer)
        origin = _origin(request)
        playlist_entries.move_entry(playlist_id, str(entry_id), after=body["after"], origin=origin)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RemoveEntriesView(APIView):
    """Remove entries. They can be restored for a day."""

    @extend_schema(request=EntryIdsSerializer, responses=EntriesRemovedSerializer)
    def post(self, request: Request, playlist_id: uuid.UUID) -> Response:
        ids = _read(request, EntryIdsSerializer)["entry_ids"]
        removed = playlist_entries.remove_entries(playlist_id, ids, origin=_origin(request))
        return Response({"removed": removed})


class RestoreEntriesView(APIView):
    """Put removed entries back in their places."""

    @extend_schema(request=EntryIdsSerializer, responses=EntriesRestoredSerializer)
    def post(self, request: Request, playlist_id: uuid.UUID) -> Response:
        ids = _read(request, EntryIdsSerializer)["entry_ids"]
        restored = playlist_entries.restore_entries(playlist_id, ids, origin=_origin(request))
        return Response({"restored": restored})


class CollaboratorListView(APIView):
    """Those who may change the entries: people, all members of a guild, or those members who have a role."""

    @extend_schema(responses=CollaboratorSerializer(many=True))
    def get(self, request: Request, playlist_id: uuid.UUID) -> Response:
        found = _find(request, playlist_id).collaborators.select_related("user")
        return Response([collaborator_shape(each) for each in found])

    @extend_schema(request=AudienceSerializer, responses={201: CollaboratorSerializer})
    def post(self, request: Request, playlist_id: uuid.UUID) -> Response:
        body, origin = _read(request, AudienceSerializer), _origin(request)
        if "user" in body:
            added = collaborators.add_person(playlist_id, body["user"], origin=origin)
        else:
            role_id = body.get("role_id", "")
            added = collaborators.add_guild(playlist_id, body["guild_id"], role_id, origin=origin)
        return Response(collaborator_shape(added), status=status.HTTP_201_CREATED)


class CollaboratorView(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, playlist_id: uuid.UUID, collaborator_id: int) -> Response:
        """Remove a collaborator. People may also remove themselves."""
        collaborators.remove_collaborator(playlist_id, collaborator_id, origin=_origin(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class FavoriteListView(APIView):
    """The caller's favorites, newest first. Nobody else sees them."""

    @extend_schema(parameters=_PAGE, responses=FavoritePageSerializer)
    def get(self, request: Request) -> Response:
        return Response(read_favorites(caller(request), **_page(request)))

    @extend_schema(request=FavoriteRequestSerializer, responses={204: None})
    def put(self, request: Request) -> Response:
        """Add a track to the favorites."""
        favorites.add_favorite(caller(request), _read(request, FavoriteRequestSerializer)["uri"])
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(parameters=[OpenApiParameter("uri", required=True)], responses={204: None})
    def delete(self, request: Request) -> Response:
        """Remove a track from the favorites."""
        uri = request.query_params.get("uri", "")
        if not storable(uri):
            raise InvalidInput({"uri": [_("The text contains characters that cannot be stored.")]})
        favorites.remove_favorite(caller(request), uri)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AmongFavoritesView(APIView):
    """Which of these tracks are favorites of the caller."""

    @extend_schema(request=AmongFavoritesSerializer, responses=FavoriteUrisSerializer)
    def post(self, request: Request) -> Response:
        uris = _read(request, AmongFavoritesSerializer)["uris"]
        return Response({"uris": sorted(favorites.which_are_favorites(caller(request), uris))})
