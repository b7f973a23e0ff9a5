"""`/internal`: the API that the bot's process offers to our other processes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.domain.people import know_person
from accounts.errors import UserNotFound
from accounts.models import snowflake_validator
from botrunner import status as bot_status
from botrunner.api.authentication import ServiceAuthentication
from guilds.permissions import require_installed
from queue_app.commands import execute
from queue_app.commands.add_track import AddTrackArguments
from queue_app.queries import load_player
from queue_app.shapes import player_shape
from realtime import hints
from realtime.idempotency import command_id_of
from realtime.metrics import exposition
from realtime.models import Store, Via
from realtime.origin import Origin


class EnqueueSerializer(AddTrackArguments):
    requested_by = serializers.RegexField(snowflake_validator.regex, help_text=_("Discord id of the person."))


class InternalView(APIView):
    authentication_classes = (ServiceAuthentication,)


class InternalQueueView(InternalView):
    """Adds a track on behalf of a person who is known from Discord or from a login."""

    def post(self, request: Request, guild_id: str) -> Response:
        body = EnqueueSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        require_installed(guild_id)
        command_id = command_id_of(request.headers.get("Idempotency-Key", ""))
        args = dict(body.validated_data)
        person = know_person(args.pop("requested_by"))
        if not person.is_active:
            raise UserNotFound
        # The calling process vouches for the person. Membership is not checked here.
        origin = Origin(user=person, via=Via.BOT, command_id=command_id, vouched=True)
        answer = execute(guild_id, "AddTrack", args, origin=origin)
        return Response(answer.result, status=status.HTTP_201_CREATED)


class InternalPlayerView(InternalView):
    def get(self, request: Request, guild_id: str) -> Response:
        require_installed(guild_id)
        return Response(player_shape(load_player(guild_id)))


class WakeView(InternalView):
    """Hints to the bot that a guild's log has grown, for web processes without Redis."""

    def post(self, request: Request, guild_id: str) -> Response:
        require_installed(guild_id)
        store = Store.objects.get(name=f"guild:{guild_id}")
        hints.receive(store.name, store.head)
        return Response(status=status.HTTP_202_ACCEPTED)


class StatusView(InternalView):
    def get(self, request: Request) -> Response:
        return Response(bot_status.report())


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "alive"})


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)
