"""What happened in a guild, over REST."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from guilds.models import Membership
from guilds.permissions import require_member
from queue_app.arguments import Arguments
from queue_app.audit import read_audit, read_undo
from queue_app.history import read_history, read_statistics
from queue_app.listeners import read_listeners
from queue_app.reading_serializers import (
    AuditQuery,
    AuditSerializer,
    HistoryQuery,
    HistorySerializer,
    ListenersSerializer,
    NextUndoSerializer,
    StatisticsQuery,
    StatisticsSerializer,
    read_query,
)


def _read(request: Request, guild_id: str, query: Arguments) -> tuple[Membership, dict[str, Any]]:
    """Return the caller's membership and query, with `user` as `user_id`. Raises GuildNotFound or InvalidInput."""
    membership = require_member(caller(request), guild_id)
    return membership, read_query(query, request.query_params.dict(), user_id=membership.user_id)


def _page(rows: list[dict[str, Any]], limit: int, key: str) -> Response:
    """Return a page of `limit` rows, of which one more was read."""
    more = len(rows) > limit
    return Response({"items": rows[:limit], "next": str(rows[limit - 1][key]) if more else None})


class HistoryView(APIView):
    """What was played, newest first."""

    @extend_schema(parameters=[HistoryQuery], responses=HistorySerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        _, wanted = _read(request, guild_id, HistoryQuery())
        limit = wanted.pop("limit")
        return _page(read_history(guild_id, limit=limit + 1, **wanted), limit, "id")


class AuditView(APIView):
    """The log in sentences, newest first: one for each command, or event that no command appended.

    Members see the changes of queue and player, and managers see all changes.
    """

    @extend_schema(parameters=[AuditQuery], responses=AuditSerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        membership, wanted = _read(request, guild_id, AuditQuery())
        limit, via = wanted.pop("limit"), wanted.pop("via", None)
        entries = read_audit(membership, limit=limit + 1, vias=[via] if via else [], **wanted)
        return _page(entries, limit, "seq")


class StatisticsView(APIView):
    """How much was played on the last days, with the top tracks, artists and requesters."""

    @extend_schema(parameters=[StatisticsQuery], responses=StatisticsSerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        _, wanted = _read(request, guild_id, StatisticsQuery())
        return Response(read_statistics(guild_id, **wanted))


class ListenersView(APIView):
    """Who is in the bot's voice channel now. People who are deafened do not count for votes."""

    @extend_schema(responses=ListenersSerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        return Response(read_listeners(require_member(caller(request), guild_id)))


class NextUndoView(APIView):
    """What Undo and Redo would do for the caller now."""

    @extend_schema(responses=NextUndoSerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        return Response(read_undo(require_member(caller(request), guild_id).user, guild_id))
