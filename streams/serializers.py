"""REST requests about streams, and responses for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.models import User, snowflake_validator
from accounts.serializers import PersonSerializer
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


class GrantRequestSerializer(serializers.Serializer[dict[str, object]]):
    """Has exactly one of `user_id`, `discord_id` and `guild_id`."""

    user_id = serializers.CharField(required=False, max_length=20)
    discord_id = serializers.CharField(required=False, validators=[snowflake_validator])
    guild_id = serializers.CharField(required=False, validators=[snowflake_validator])
    role_id = serializers.CharField(required=False, validators=[snowflake_validator])
    access = serializers.ChoiceField(choices=["read", "write"], default="read")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in ("user_id", "discord_id", "guild_id") if name in attrs]
        if len(named) != 1:
            raise serializers.ValidationError(
                _("Send exactly one of `user_id`, `discord_id` and `guild_id`.")
            )
        if "role_id" in attrs and named != ["guild_id"]:
            raise serializers.ValidationError({"role_id": [_("A `role_id` needs a `guild_id`.")]})
        if named == ["guild_id"]:
            return attrs
        name = named[0]
        wanted = {"pk" if name == "user_id" else name: attrs[name]}
        known = name == "discord_id" or (attrs[name].isascii() and attrs[name].isdecimal())
        user = User.objects.filter(is_active=True, **wanted).first() if known else None
        if user is None:
            raise serializers.ValidationError({name: [_("No user with this id has logged in here yet.")]})
        return {**attrs, "user": user}


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
