"""`/api/guilds`: what a person may see of their guilds. Reads the database only, never Discord."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from guilds.domain.installation import install_url
from guilds.errors import BotNotInstalled
from guilds.models import ChannelType, Role
from guilds.permissions import require_manager, require_member
from guilds.queries import channels_of, guild_shape, my_memberships, voice_channels_of
from guilds.serializers import ChannelSerializer, GuildSerializer, InstallUrlSerializer, RoleSerializer


class GuildListView(APIView):
    """Guilds that the caller owns or administers; with `scope=all` also those shared with the bot."""

    @extend_schema(parameters=[OpenApiParameter("scope", enum=["all"])], responses=GuildSerializer(many=True))
    def get(self, request: Request) -> Response:
        everything = request.query_params.get("scope") == "all"
        return Response([guild_shape(m) for m in my_memberships(caller(request), everything=everything)])


class GuildView(APIView):
    @extend_schema(responses=GuildSerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        return Response(guild_shape(require_member(caller(request), guild_id)))


class ChannelsView(APIView):
    """Text and announcement channels; with `type=voice` voice and stage channels."""

    @extend_schema(
        parameters=[OpenApiParameter("type", enum=["text", "voice"])], responses=ChannelSerializer(many=True)
    )
    def get(self, request: Request, guild_id: str) -> Response:
        membership = require_manager(caller(request), guild_id)
        if not membership.guild.bot_installed:
            raise BotNotInstalled
        if request.query_params.get("type") == "voice":
            channels = voice_channels_of(guild_id)
        else:
            channels = channels_of(guild_id, ChannelType.TEXT, ChannelType.ANNOUNCEMENT)
        return Response(ChannelSerializer(channels, many=True).data)


class RolesView(APIView):
    @extend_schema(responses=RoleSerializer(many=True))
    def get(self, request: Request, guild_id: str) -> Response:
        membership = require_manager(caller(request), guild_id)
        if not membership.guild.bot_installed:
            raise BotNotInstalled
        return Response(RoleSerializer(Role.objects.filter(guild_id=guild_id), many=True).data)


class InstallUrlView(APIView):
    @extend_schema(responses=InstallUrlSerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        require_manager(caller(request), guild_id)
        return Response({"url": install_url(guild_id)})
