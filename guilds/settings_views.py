"""`/api/guilds/{id}/settings`: how a guild wants its music, for those who manage it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from guilds.domain.settings import change_settings, check_settings, load_settings, settings_shape
from guilds.models import MAX_VOLUME, Who
from guilds.permissions import require_manager
from realtime.domain.answer import answer_once
from realtime.models import Via
from realtime.origin import Origin


class SettingsSerializer(serializers.Serializer[dict[str, Any]]):
    """For the schema; `domain/settings.py` checks. Channels and roles are snowflakes."""

    dj_role_id = serializers.CharField(allow_null=True)
    announce_channel_id = serializers.CharField(allow_null=True, help_text="A text or announcement channel.")
    voice_channel_id = serializers.CharField(
        allow_null=True, help_text="Where to play when nothing else says."
    )
    default_volume = serializers.IntegerField(min_value=0, max_value=MAX_VOLUME, help_text="Percent.")
    may_add = serializers.ChoiceField(choices=Who.choices)
    may_skip = serializers.ChoiceField(choices=Who.choices)
    may_move = serializers.ChoiceField(choices=Who.choices)
    may_clear = serializers.ChoiceField(choices=Who.choices)
    vote_share = serializers.IntegerField(min_value=0, max_value=100, help_text="Percent of the listeners.")
    max_per_person = serializers.IntegerField(min_value=1, max_value=1000, allow_null=True)
    fair_order = serializers.BooleanField()
    stay_in_channel = serializers.BooleanField()
    leave_after_minutes = serializers.IntegerField(min_value=1, max_value=1440)
    allowed_sources = serializers.ListField(child=serializers.CharField(), allow_null=True)
    gone = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text="Settings whose role or channel was deleted since; they count as not set.",
    )


class GuildSettingsView(APIView):
    @extend_schema(responses=SettingsSerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        require_manager(caller(request), guild_id)
        return Response(settings_shape(load_settings(guild_id)))

    @extend_schema(request=SettingsSerializer(partial=True), responses=SettingsSerializer)
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
