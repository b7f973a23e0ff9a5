"""`/api/uploads`: the caller's files, and the parts of those that they are uploading."""

from __future__ import annotations

import re
import uuid
from typing import IO, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import caller
from accounts.errors import InvalidInput
from accounts.strict_fields import Snowflake, WholeNumber, always
from guilds.permissions import require_member
from library.browse_serializers import Next
from library.domain.uploads import (
    PART_BYTES,
    begin_upload,
    delete_upload,
    find_upload,
    receive_part,
)
from library.page_parameters import PAGE_PARAMETERS, page_limit
from library.serializers import TrackSerializer
from library.upload_queries import read_uploads, upload_shape

MAX_SIZE = 2**53 - 1
_OFFSET = OpenApiParameter(
    "Upload-Offset", int, OpenApiParameter.HEADER, required=True,
    description=gettext_lazy("Number of bytes before this part."),
)  # fmt: skip


class PartParser(BaseParser):
    """Returns the body as bytes."""

    media_type = "application/offset+octet-stream"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        return stream.read()


class FileName(serializers.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(error_messages=always(_("Must be the name of a file.")), max_length=1_000, **options)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class BeginUploadSerializer(serializers.Serializer[dict[str, object]]):
    name = FileName(help_text=gettext_lazy("Name of the file."))
    size = WholeNumber(min_value=0, max_value=MAX_SIZE, help_text=gettext_lazy("Size in bytes."))
    guild_id = Snowflake(
        required=False,
        allow_null=True,
        help_text=gettext_lazy("The server for which it is uploaded, whose limit it counts against."),
    )


class UploadSerializer(serializers.Serializer[dict[str, object]]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    size = serializers.IntegerField(help_text=gettext_lazy("Size in bytes."))
    offset = serializers.IntegerField(help_text=gettext_lazy("Number of bytes received."))
    part_bytes = serializers.IntegerField(help_text=gettext_lazy("Maximum size of a part, in bytes."))
    created_at = serializers.DateTimeField()
    track = TrackSerializer(allow_null=True, help_text=gettext_lazy("Null until all bytes were received."))


class UploadListSerializer(serializers.Serializer[dict[str, object]]):
    items = UploadSerializer(many=True)
    next = Next()
    used_bytes = serializers.IntegerField()
    limit_bytes = serializers.IntegerField()
    max_bytes = serializers.IntegerField(help_text=gettext_lazy("Maximum size of a file, in bytes."))


class UploadListView(APIView):
    @extend_schema(operation_id="uploads_list", parameters=PAGE_PARAMETERS, responses=UploadListSerializer)
    def get(self, request: Request) -> Response:
        """The caller's uploads, newest first."""
        after, limit = request.query_params.get("after"), page_limit(request)
        return Response(read_uploads(caller(request), after=after, limit=limit))

    @extend_schema(request=BeginUploadSerializer, responses={201: UploadSerializer})
    def post(self, request: Request) -> Response:
        """Begin to upload a file. Its bytes follow in parts."""
        body = BeginUploadSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        wanted: dict[str, Any] = dict(body.validated_data)
        guild_id = wanted.get("guild_id")
        guild = require_member(caller(request), guild_id).guild if guild_id else None
        upload = begin_upload(caller(request), name=wanted["name"], size=wanted["size"], guild=guild)
        return Response(upload_shape(upload), status=status.HTTP_201_CREATED)


class UploadView(APIView):
    parser_classes = (PartParser,)

    @extend_schema(responses=UploadSerializer)
    def get(self, request: Request, upload_id: uuid.UUID) -> Response:
        return Response(upload_shape(find_upload(caller(request), upload_id)))

    @extend_schema(
        parameters=[_OFFSET],
        request={PartParser.media_type: OpenApiTypes.BINARY},
        responses=UploadSerializer,
    )
    def patch(self, request: Request, upload_id: uuid.UUID) -> Response:
        """Send the next part. The last one is answered with the track, or refused if the file is not audio."""
        offset = request.headers.get("Upload-Offset", "")
        if not re.fullmatch(r"[0-9]{1,16}", offset):
            raise InvalidInput({"Upload-Offset": [_("Must be a whole number.")]})
        part: Any = request.data
        if not isinstance(part, bytes) or not 0 < len(part) <= PART_BYTES:
            sentence = _("A part must have 1 to %(limit)s bytes.") % {"limit": PART_BYTES}
            raise InvalidInput({"body": [sentence]})
        upload = receive_part(caller(request), upload_id, offset=int(offset), part=part)
        return Response(upload_shape(upload))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, upload_id: uuid.UUID) -> Response:
        """Cancel an upload, or delete a file. If nobody else has uploaded it, it is removed from all queues."""
        delete_upload(find_upload(caller(request), upload_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
