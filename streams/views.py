"""`/api/streams`: the caller's streams, with their members, device tokens, pictures and alerts."""

from __future__ import annotations

import uuid
from functools import partial

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from accounts.serializers import DeviceTokenSerializer
from accounts.shapes import token_shape
from realtime.models import Event
from realtime.new_token import describe_new_token, new_token
from streams import pictures
from streams.domain import streams
from streams.errors import NoFrame
from streams.models import AlertFrame, Stream
from streams.rights import NO_RIGHTS, Rights, read_rights, require_owner, require_reader, streams_of
from streams.serializers import (
    AlertPageSerializer,
    GrantRequestSerializer,
    GrantSerializer,
    StreamChangeSerializer,
    StreamCreateSerializer,
    StreamSerializer,
)
from streams.shapes import alert_shape, grant_shape, present_on, stream_shape

PAGE = 50
_PICTURE = {(200, "image/jpeg"): OpenApiTypes.BINARY}


def _one(stream: Stream, rights: Rights) -> dict[str, object]:
    return stream_shape(stream, rights, present_on([stream.pk]))


def _picture(content_type: str, data: bytes, *, seconds: int) -> HttpResponse:
    # `sandbox`: whatever the bytes are, a browser runs no code from them.
    headers = {
        "Cache-Control": f"private, max-age={seconds}" if seconds else "no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return HttpResponse(data, content_type=content_type, headers=headers)


class StreamListView(APIView):
    """The caller's own streams and those shared with them. Other people's public streams are found by id only."""

    @extend_schema(responses=StreamSerializer(many=True))
    def get(self, request: Request) -> Response:
        user = caller(request)
        found = list(streams_of(user))
        rights = read_rights((stream.pk, user.pk) for stream in found)
        present = present_on(stream.pk for stream in found)
        return Response([stream_shape(s, rights.get((s.pk, user.pk), NO_RIGHTS), present) for s in found])

    @extend_schema(request=StreamCreateSerializer, responses={201: StreamSerializer})
    def post(self, request: Request) -> Response:
        body = StreamCreateSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = dict(body.validated_data)
        stream = streams.create_stream(caller(request), stream_id=fields.pop("id", ""), **fields)
        return Response(_one(*require_reader(caller(request), stream.pk)), status=status.HTTP_201_CREATED)


class StreamView(APIView):
    @extend_schema(responses=StreamSerializer)
    def get(self, request: Request, stream_id: str) -> Response:
        return Response(_one(*require_reader(caller(request), stream_id)))

    @extend_schema(request=StreamChangeSerializer, responses=StreamSerializer)
    def patch(self, request: Request, stream_id: str) -> Response:
        stream = require_owner(caller(request), stream_id)
        body = StreamChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        streams.change_stream(stream, **body.validated_data)
        return Response(_one(*require_reader(caller(request), stream_id)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, stream_id: str) -> Response:
        streams.delete_stream(require_owner(caller(request), stream_id))
        return Response(status=status.HTTP_204_NO_CONTENT)


class MemberListView(APIView):
    """Readers and writers. Each is a person, all members of a guild, or those members who have a role."""

    @extend_schema(responses=GrantSerializer(many=True))
    def get(self, request: Request, stream_id: str) -> Response:
        stream = require_owner(caller(request), stream_id)
        return Response([grant_shape(grant) for grant in stream.grants.select_related("user")])

    @extend_schema(request=GrantRequestSerializer, responses={201: GrantSerializer})
    def post(self, request: Request, stream_id: str) -> Response:
        stream = require_owner(caller(request), stream_id)
        body = GrantRequestSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        wanted = body.validated_data
        write = wanted["access"] == "write"
        if "user" in wanted:
            grant = streams.share_with_user(stream, wanted["user"], write=write)
        else:
            grant = streams.share_with_guild(
                stream, wanted["guild_id"], wanted.get("role_id", ""), write=write, sharer=caller(request)
            )
        return Response(grant_shape(grant), status=status.HTTP_201_CREATED)


class MemberView(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, stream_id: str, grant_id: int) -> Response:
        streams.unshare(require_owner(caller(request), stream_id), grant_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TokenListView(APIView):
    """Device tokens. They act for the owner, on this stream only, and are valid for 30 days."""

    @extend_schema(responses=DeviceTokenSerializer(many=True))
    def get(self, request: Request, stream_id: str) -> Response:
        stream = require_owner(caller(request), stream_id)
        return Response([token_shape(session) for session in streams.live_tokens(stream)])

    @describe_new_token
    def post(self, request: Request, stream_id: str) -> Response:
        return new_token(request, partial(streams.issue_token, require_owner(caller(request), stream_id)))


class TokenView(APIView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, stream_id: str, sid: uuid.UUID) -> Response:
        streams.revoke_token(require_owner(caller(request), stream_id), sid)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RotateView(APIView):
    """Revoke all device tokens of the stream and return a new one."""

    @describe_new_token
    def post(self, request: Request, stream_id: str) -> Response:
        return new_token(request, partial(streams.rotate, require_owner(caller(request), stream_id)))


class FrameView(APIView):
    """The stream's newest picture (JPEG, PNG or WebP), as the device sent it."""

    @extend_schema(responses=_PICTURE)
    def get(self, request: Request, stream_id: str) -> HttpResponse:
        stream, _ = require_reader(caller(request), stream_id)
        shot = pictures.newest(stream)
        if shot is None:
            raise NoFrame
        return _picture(shot.content_type, bytes(shot.data), seconds=0)


class AlertListView(APIView):
    """The stream's durable messages, newest first, with keyset pagination."""

    @extend_schema(
        parameters=[OpenApiParameter("before", int), OpenApiParameter("limit", int)],
        responses=AlertPageSerializer,
    )
    def get(self, request: Request, stream_id: str) -> Response:
        stream, _ = require_reader(caller(request), stream_id)
        limit = min(max(_number(request, "limit", PAGE), 1), PAGE)
        before = _number(request, "before", 2**63 - 1)
        events = Event.objects.filter(store__name=stream.log, seq__lt=before).select_related("actor")
        page = list(events.order_by("-seq")[: limit + 1])
        shown = page[:limit]
        framed = set(AlertFrame.objects.filter(event__in=shown).values_list("event_id", flat=True))
        return Response(
            {
                "items": [alert_shape(event, has_frame=event.pk in framed) for event in shown],
                "next": str(shown[-1].seq) if len(page) > limit else None,
            }
        )


class AlertFrameView(APIView):
    """The stream's picture at the time of an alert. The newest 200 per stream are kept."""

    @extend_schema(responses=_PICTURE)
    def get(self, request: Request, stream_id: str, seq: int) -> HttpResponse:
        stream, _ = require_reader(caller(request), stream_id)
        frame = AlertFrame.objects.filter(event__store__name=stream.log, event__seq=seq).first()
        if frame is None:
            raise NoFrame
        return _picture(frame.content_type, bytes(frame.data), seconds=3600)


def _number(request: Request, name: str, default: int) -> int:
    """Return a whole number from the query. Anything else counts as absent."""
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 40):
        return default
    return min(int(text), 2**63 - 1)
