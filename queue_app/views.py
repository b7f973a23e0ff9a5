"""A guild's queue and player over REST. All changes call `commands.execute`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from accounts.errors import InvalidInput
from guilds.domain.settings import load_settings, settings_shape
from guilds.permissions import require_manager, require_member
from guilds.serializers import ChangeSettingsSerializer, SettingsSerializer
from queue_app.arguments import Arguments
from queue_app.command_serializers import (
    ANY_COMMAND,
    CommandAnswerSerializer,
    CommandSerializer,
    MoveItemBody,
    PlayerChanges,
)
from queue_app.commands import execute, execute_together
from queue_app.commands.add_track import AddTrackArguments
from queue_app.commands.clear_queue import ClearQueueArguments
from queue_app.commands.redo import RedoArguments
from queue_app.commands.undo import UndoArguments
from queue_app.errors import UnknownChannel
from queue_app.queries import load_player, next_page, one_moment, queued_items, read_snapshot
from queue_app.serializers import (
    PlayerSerializer,
    QueueItemSerializer,
    QueueSerializer,
    RedoneAtSerializer,
    SeqSerializer,
    SkipSerializer,
    SnapshotSerializer,
    UndoneAtSerializer,
)
from queue_app.shapes import item_shape, player_shape
from realtime.domain.answer import Answer
from realtime.idempotency import IDEMPOTENCY_KEY, command_id_of
from realtime.models import Store, Via
from realtime.origin import Origin

PAGE = 100
LONGEST_PAGE = 500


@contextmanager
def _errors_for_members(request: Request, guild_id: str) -> Iterator[None]:
    """For people who are not members, raise InvalidGuildId or GuildNotFound instead of InvalidInput."""
    try:
        yield
    except InvalidInput:
        require_member(caller(request), guild_id)
        raise


def _origin(request: Request, guild_id: str) -> Origin:
    with _errors_for_members(request, guild_id):
        command_id = command_id_of(request.headers.get("Idempotency-Key", ""))
    return Origin(user=caller(request), via=Via.REST, command_id=command_id)


def _execute(request: Request, guild_id: str, name: str, args: dict[str, Any] | None = None) -> Answer:
    return execute(guild_id, name, args or {}, origin=_origin(request, guild_id))


def _seq(guild_id: str, answer: Answer) -> int:
    """Return the seq of the command's last event, or the log's head if it changed nothing."""
    return answer.seqs[-1] if answer.seqs else Store.objects.get(name=f"guild:{guild_id}").head


def _read_body(request: Request, guild_id: str, body: Arguments) -> dict[str, Any]:
    """Return a valid body. Raises InvalidInput, or GuildNotFound for people who are not members."""
    with _errors_for_members(request, guild_id):
        return body.read(request.data)


def _fields(request: Request) -> Any:
    """Return the fields of the body, none if it is empty. A body that is not an object is refused by the command."""
    return dict(request.data) if isinstance(request.data, dict) else request.data or {}


def _number(request: Request, name: str) -> int | None:
    """Return a whole number of the query string, or None if it is absent. Raises InvalidInput."""
    text = request.query_params.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,40}", text):
        raise InvalidInput({name: [_("Must be a whole number.")]})
    return max(-(2**63), min(int(text), 2**63 - 1))  # the range of a column


class CommandsView(APIView):
    """Run any command by its name. docs/protocol.md lists the commands."""

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=ANY_COMMAND, responses=CommandAnswerSerializer)
    def post(self, request: Request, guild_id: str) -> Response:
        body = _read_body(request, guild_id, CommandSerializer())
        answer = _execute(request, guild_id, body["name"], body.get("args"))
        return Response({"seq": answer.seqs[-1] if answer.seqs else None, "result": answer.result})


class SnapshotView(APIView):
    """The state from which a client starts: queue and player with their position in the log, read consistently."""

    @extend_schema(responses=SnapshotSerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        return Response(read_snapshot(caller(request), guild_id))


class QueueView(APIView):
    @extend_schema(
        parameters=[OpenApiParameter("after"), OpenApiParameter("limit", int)], responses=QueueSerializer
    )
    def get(self, request: Request, guild_id: str) -> Response:
        require_member(caller(request), guild_id)
        limit = min(max(_number(request, "limit") or PAGE, 1), LONGEST_PAGE)
        after = _number(request, "after")
        with one_moment():
            store = Store.objects.get(name=f"guild:{guild_id}")
            total = load_player(guild_id).queue_total
            page = queued_items(guild_id, limit=limit + 1, after=after)
        return Response(
            {
                "items": [item_shape(item) for item in page[:limit]],
                "queue_total": total,
                "next": next_page(page, limit),
                "epoch": store.epoch,
                "seq": store.head,
            }
        )

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY], request=AddTrackArguments, responses={201: QueueItemSerializer}
    )
    def post(self, request: Request, guild_id: str) -> Response:
        answer = _execute(request, guild_id, "AddTrack", _fields(request))
        return Response(answer.result, status=status.HTTP_201_CREATED)


class QueueItemView(APIView):
    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=MoveItemBody, responses=QueueItemSerializer)
    def patch(self, request: Request, guild_id: str, item_id: str) -> Response:
        fields = _fields(request)
        args = fields | {"item_id": item_id} if isinstance(fields, dict) else fields
        return Response(_execute(request, guild_id, "MoveItem", args).result)

    @extend_schema(parameters=[IDEMPOTENCY_KEY], responses={204: None})
    def delete(self, request: Request, guild_id: str, item_id: str) -> Response:
        _execute(request, guild_id, "RemoveItem", {"item_id": item_id})
        return Response(status=status.HTTP_204_NO_CONTENT)


class RetryView(APIView):
    """Add the track of a failed, played or skipped item to the end of the queue again."""

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=None, responses={201: QueueItemSerializer})
    def post(self, request: Request, guild_id: str, item_id: str) -> Response:
        answer = _execute(request, guild_id, "RetryItem", {"item_id": item_id})
        return Response(answer.result, status=status.HTTP_201_CREATED)


class ClearView(APIView):
    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=ClearQueueArguments, responses=SeqSerializer)
    def post(self, request: Request, guild_id: str) -> Response:
        answer = _execute(request, guild_id, "ClearQueue", _fields(request))
        return Response({"seq": _seq(guild_id, answer)})


class ShuffleView(APIView):
    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=None, responses=SeqSerializer)
    def post(self, request: Request, guild_id: str) -> Response:
        return Response({"seq": _seq(guild_id, _execute(request, guild_id, "ShuffleQueue"))})


class UndoView(APIView):
    """Undo the caller's newest change, or the change of `seq`."""

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=UndoArguments, responses=UndoneAtSerializer)
    def post(self, request: Request, guild_id: str) -> Response:
        answer = _execute(request, guild_id, "Undo", _fields(request))
        return Response({"seq": _seq(guild_id, answer)} | answer.result)


class RedoView(APIView):
    """Redo the change that the caller undid last, or the change of `seq`."""

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=RedoArguments, responses=RedoneAtSerializer)
    def post(self, request: Request, guild_id: str) -> Response:
        answer = _execute(request, guild_id, "Redo", _fields(request))
        return Response({"seq": _seq(guild_id, answer)} | answer.result)


class PlayerView(APIView):
    @extend_schema(responses=PlayerSerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        require_member(caller(request), guild_id)
        return Response(player_shape(load_player(guild_id)))

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY], request=PlayerChanges(partial=True), responses=PlayerSerializer
    )
    def patch(self, request: Request, guild_id: str) -> Response:
        """Change the fields of the body. If one of them is refused, none is changed."""
        wanted = _read_body(request, guild_id, PlayerChanges(partial=True))
        try:
            answer = execute_together(guild_id, _commands(wanted), origin=_origin(request, guild_id))
        except UnknownChannel as error:
            error.errors = {"voice_channel_id": [str(error)]}  # PATCH's name of the field
            raise
        return Response(answer.result)


def _commands(wanted: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the commands that make these changes to a player. Each returns the player."""
    commands: list[tuple[str, dict[str, Any]]] = []
    if "voice_channel_id" in wanted:
        channel_id = wanted["voice_channel_id"]
        join = ("JoinVoice", {"channel_id": channel_id})
        commands.append(("LeaveVoice", {}) if channel_id is None else join)
    for field, name in (("volume", "SetVolume"), ("loop", "SetLoop"), ("position_ms", "Seek")):
        if field in wanted:
            commands.append((name, {field: wanted[field]}))
    if "paused" in wanted:
        commands.append(("Pause" if wanted["paused"] else "Resume", {}))
    return commands


class SkipView(APIView):
    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=None, responses=SkipSerializer)
    def post(self, request: Request, guild_id: str) -> Response:
        answer = _execute(request, guild_id, "Skip")
        body = {"seq": _seq(guild_id, answer)}
        return Response(body | {"vote": vote} if (vote := answer.result["vote"]) else body)


class PreviousView(APIView):
    """Go back to the previous track, or start the current one over."""

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=None, responses=SeqSerializer)
    def post(self, request: Request, guild_id: str) -> Response:
        return Response({"seq": _seq(guild_id, _execute(request, guild_id, "Previous"))})


class ReplayView(APIView):
    """Start the current track over."""

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=None, responses=SeqSerializer)
    def post(self, request: Request, guild_id: str) -> Response:
        return Response({"seq": _seq(guild_id, _execute(request, guild_id, "Replay"))})


class StopView(APIView):
    """Stop playback, clear the queue and leave the voice channel."""

    @extend_schema(parameters=[IDEMPOTENCY_KEY], request=None, responses=SeqSerializer)
    def post(self, request: Request, guild_id: str) -> Response:
        return Response({"seq": _seq(guild_id, _execute(request, guild_id, "Stop"))})


class SettingsView(APIView):
    """The settings of a guild, for its managers."""

    @extend_schema(responses=SettingsSerializer)
    def get(self, request: Request, guild_id: str) -> Response:
        require_manager(caller(request), guild_id)
        return Response(settings_shape(load_settings(guild_id)))

    @extend_schema(
        parameters=[IDEMPOTENCY_KEY], request=ChangeSettingsSerializer, responses=SettingsSerializer
    )
    def patch(self, request: Request, guild_id: str) -> Response:
        """Change the settings in the body. Others stay as they are."""
        return Response(_execute(request, guild_id, "ChangeSettings", _fields(request)).result)
