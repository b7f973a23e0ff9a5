"""`/api/guilds/{id}/settings`: how a guild wants its music, for those who manage it."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from guilds.domain.settings import change_settings, check_settings, load_settings, settings_shape
from guilds.permissions import require_manager
from guilds.serializers import ChangeSettingsSerializer, SettingsSerializer
from realtime.domain.answer import answer_once
from realtime.models import Via
from realtime.origin import Origin


class GuildSettingsView(APIView):
    @extend_schema(responses=SettingsSerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        require_manager(caller(request), guild_id)
        return Response(settings_shape(load_settings(guild_id)))

    @extend_schema(request=ChangeSettingsSerializer, responses=SettingsSerializer)
    def patch(self, request: Request, guild_id: str) -> Response:
        """Changes what the body names and nothing else."""
        user = caller(request)
        require_manager(user, guild_id)  # before anything is said about the body
        changes = check_settings(request.data if isinstance(request.data, dict) else {})
        origin = Origin(user=user, via=Via.REST)
        answer = answer_once(
            f"guild:{guild_id}",
            name="ChangeSettings",
            args=changes,
            origin=origin,
            act=lambda: change_settings(guild_id, origin=origin, **changes),
        )
        return Response(answer.result)
