"""`/api/guilds`: a person's guilds. Views read the database, and call Discord only where their docstring says so."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import discord
from accounts.authentication import caller
from guilds.bot_features import FEATURES
from guilds.choices import TEXT_TYPES
from guilds.domain.guild_list import CACHED_SECONDS, refresh_my_guilds
from guilds.domain.installation import install_url
from guilds.domain.refresh import refresh_guild
from guilds.errors import BotNotInstalled
from guilds.freshness import read_shards, stale_since
from guilds.models import Channel, Membership, Role
from guilds.permissions import require_manager, require_member
from guilds.queries import (
    bot_lacks,
    channels_of,
    guild_answers,
    my_memberships,
    voice_channel_of,
    voice_channels_of,
)
from guilds.serializers import (
    ChannelSerializer,
    GuildAnswerSerializer,
    InstallUrlSerializer,
    LackSerializer,
    RoleSerializer,
    VoiceStateSerializer,
)

STALE_HEADER = "Stale-Since"
_STALE = OpenApiParameter(
    STALE_HEADER,
    OpenApiTypes.DATETIME,
    OpenApiParameter.HEADER,
    response=True,
    description=gettext_lazy("Since when changes may have been missed. Absent while the bot is connected."),
)


def _installed(request: Request, guild_id: str) -> Membership:
    """Like `require_manager`, but also raises BotNotInstalled."""
    membership = require_manager(caller(request), guild_id)
    if not membership.guild.bot_installed:
        raise BotNotInstalled
    return membership


def _mirrored(
    membership: Membership,
    serializer: type[ChannelSerializer] | type[RoleSerializer],
    rows: QuerySet[Channel] | QuerySet[Role],
) -> Response:
    """Return a JSON array with the serializer's fields, and the header Stale-Since if the data may be old.

    It reads plain column values: with model instances, 500 channels took twice as long (bench/guilds.py).
    """
    stale = stale_since(membership.guild, read_shards())
    headers = {STALE_HEADER: serializers.DateTimeField().to_representation(stale)} if stale else None
    return Response(list(rows.values(*serializer.Meta.fields)), headers=headers)


class GuildListView(APIView):
    """List the guilds that the caller owns or administers; with `scope=all`, also those that have the bot.

    With `refresh=true` the caller's list is first fetched from Discord. With `refresh=auto` this happens only if the
    last list is older than five minutes. 401 `DISCORD_LOGIN_REQUIRED` means that the caller must log in again before
    the list can be fetched.
    """

    @extend_schema(
        parameters=[
            OpenApiParameter("scope", enum=["all"]),
            OpenApiParameter("refresh", enum=["true", "auto"]),
        ],
        responses=GuildAnswerSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        user = caller(request)
        match request.query_params.get("refresh"):
            case "auto":
                refresh_my_guilds(user, older_than=CACHED_SECONDS)
            case "true" | "1":
                refresh_my_guilds(user)
        everything = request.query_params.get("scope") == "all"
        return Response(guild_answers(my_memberships(user, everything=everything)))


class GuildView(APIView):
    @extend_schema(responses=GuildAnswerSerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        return Response(guild_answers([require_member(caller(request), guild_id)])[0])


class VoiceStateView(APIView):
    """Return the caller's voice channel. The bot plays there when the caller starts playback."""

    @extend_schema(responses=VoiceStateSerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        require_member(caller(request), guild_id)
        return Response({"channel_id": voice_channel_of(guild_id, caller(request))})


class ChannelsView(APIView):
    """List text and announcement channels; with `type=voice`, voice and stage channels."""

    @extend_schema(
        parameters=[OpenApiParameter("type", enum=["text", "voice"]), _STALE],
        responses=ChannelSerializer(many=True),
    )
    def get(self, request: Request, guild_id: str) -> Response:
        membership = _installed(request, guild_id)
        match request.query_params.get("type", "text"):
            case "text":
                channels = channels_of(guild_id, *TEXT_TYPES)
            case "voice":
                channels = voice_channels_of(guild_id)
            case _:
                raise ValidationError({"type": [_("Must be text or voice.")]})
        return _mirrored(membership, ChannelSerializer, channels)


class RolesView(APIView):
    @extend_schema(parameters=[_STALE], responses=RoleSerializer(many=True))
    def get(self, request: Request, guild_id: str) -> Response:
        membership = _installed(request, guild_id)
        return _mirrored(membership, RoleSerializer, Role.objects.filter(guild_id=guild_id))


class BotPermissionsView(APIView):
    """List the permissions that the bot lacks in the guild and its channels, and what they are needed for."""

    @extend_schema(responses=LackSerializer(many=True))
    def get(self, request: Request, guild_id: str) -> Response:
        return Response(bot_lacks(_installed(request, guild_id).guild))


class RefreshView(APIView):
    """Fetch the guild, its channels and roles from Discord again, at most every ten seconds. Responds when done."""

    @extend_schema(request=None, responses={202: GuildAnswerSerializer})
    def post(self, request: Request, guild_id: str) -> Response:
        _installed(request, guild_id)
        with discord.turn():
            refresh_guild(guild_id)
        # Read the membership again: the refresh may have changed the caller's rights.
        membership = require_member(caller(request), guild_id)
        return Response(guild_answers([membership])[0], status=status.HTTP_202_ACCEPTED)


class InstallUrlView(APIView):
    """Return the URL that adds the bot to the guild. It also requests the permissions of the `features`."""

    @extend_schema(
        parameters=[OpenApiParameter("features", str, many=True, enum=list(FEATURES), explode=False)],
        responses=InstallUrlSerializer,
    )
    def get(self, request: Request, guild_id: str) -> Response:
        require_manager(caller(request), guild_id)
        features = request.query_params.get("features", "")
        return Response({"url": install_url(guild_id, filter(None, features.split(",")))})
