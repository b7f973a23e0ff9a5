"""REST requests about streams, and responses for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.serializers import PersonSerializer
from guilds.serializers import AudienceSerializer
from streams.models import MAX_DURABLE_TYPES, stream_id_validator, validate_type


class StreamChangeSerializer(serializers.Serializer[dict[str, object]]):
    name = serializers.CharField(max_length=100, allow_blank=True, required=False)
    public = serializers.BooleanField(required=False)
    durable_types = serializers.ListField(
        child=serializers.CharField(validators=[validate_type]), max_length=MAX_DURABLE_TYPES, required=False
    )


class StreamCreateSerializer(StreamChangeSerializer):
    id = serializers.CharField(
        validators=[stream_id_validator], required=False, help_text=gettext_lazy("Generated if absent.")
    )


class GrantRequestSerializer(AudienceSerializer):
    """Has exactly one of `user_id`, `discord_id` and `guild_id`."""

    access = serializers.ChoiceField(choices=["read", "write"], default="read")


class PresenceSerializer(serializers.Serializer[dict[str, object]]):
    connection_id = serializers.CharField()
    user = PersonSerializer()
    client_type = serializers.CharField()
    produces = serializers.ListField(child=serializers.CharField())
    consumes = serializers.ListField(child=serializers.CharField())
    since = serializers.DateTimeField()


class StreamSerializer(serializers.Serializer[dict[str, object]]):
    id = serializers.CharField()
    name = serializers.CharField()
    owner = PersonSerializer()
    public = serializers.BooleanField()
    durable_types = serializers.ListField(child=serializers.CharField())
    access = serializers.ChoiceField(choices=["owner", "write", "read"])
    created_at = serializers.DateTimeField()
    producing = serializers.IntegerField()
    watching = serializers.IntegerField()
    presence = PresenceSerializer(many=True, allow_null=True)


class GrantSerializer(serializers.Serializer[dict[str, object]]):
    id = serializers.IntegerField()
    user = PersonSerializer(allow_null=True)
    guild_id = serializers.CharField(allow_null=True)
    role_id = serializers.CharField(allow_null=True)
    access = serializers.ChoiceField(choices=["read", "write"])


class AlertSerializer(serializers.Serializer[dict[str, object]]):
    seq = serializers.IntegerField()
    type = serializers.CharField()
    args = serializers.DictField()
    created_at = serializers.DateTimeField()
    has_frame = serializers.BooleanField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {**super().get_fields(), "from": PersonSerializer(allow_null=True)}  # a Python keyword


class AlertPageSerializer(serializers.Serializer[dict[str, object]]):
    items = AlertSerializer(many=True)
    next = serializers.CharField(allow_null=True)
