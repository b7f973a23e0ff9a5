"""REST requests about stores, and responses for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.models import User, snowflake_validator
from accounts.serializers import PersonSerializer
from realtime.domain.stores import NAME
from realtime.errors import InvalidName
from realtime.models import StoreRole


class StoreChangeSerializer(serializers.Serializer[dict[str, object]]):
    public = serializers.BooleanField(
        required=False, help_text=gettext_lazy("Every user may read the store.")
    )


class StoreCreateSerializer(StoreChangeSerializer):
    name = serializers.RegexField(
        rf"^{NAME.pattern}\Z",
        error_messages={"invalid": InvalidName.sentence},
        help_text=gettext_lazy("The name without `app:`."),
    )


class StoreSerializer(serializers.Serializer[dict[str, object]]):
    name = serializers.CharField()
    instance_id = serializers.CharField(help_text=gettext_lazy("The instance id for `/sync`."))
    owner = PersonSerializer(allow_null=True)
    role = serializers.ChoiceField(choices=["owner", *StoreRole.values], allow_null=True)
    public = serializers.BooleanField()
    epoch = serializers.CharField()
    head = serializers.IntegerField()
    size_bytes = serializers.IntegerField(help_text=gettext_lazy("Approximate size of the events."))
    created_at = serializers.DateTimeField()


class StoreMemberSerializer(serializers.Serializer[dict[str, object]]):
    user = PersonSerializer()
    role = serializers.ChoiceField(choices=StoreRole.choices)
    created_at = serializers.DateTimeField()


class StoreMemberRequestSerializer(serializers.Serializer[dict[str, object]]):
    """Has either `user_id` or `discord_id`."""

    user_id = serializers.RegexField(r"^[0-9]{1,18}\Z", required=False)
    discord_id = serializers.CharField(required=False, validators=[snowflake_validator])
    role = serializers.ChoiceField(choices=StoreRole.choices, default=StoreRole.READER)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in ("user_id", "discord_id") if name in attrs]
        if len(named) != 1:
            raise serializers.ValidationError(_("Send either `user_id` or `discord_id`."))
        name = named[0]
        wanted = {"pk" if name == "user_id" else name: attrs[name]}
        user = User.objects.filter(is_active=True, **wanted).first()
        if user is None:
            raise serializers.ValidationError({name: [_("Unknown user.")]})
        return {"user": user, "role": StoreRole(attrs["role"])}
