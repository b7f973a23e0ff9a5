from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.models import AuthSession, User


class UserSerializer(serializers.ModelSerializer[User]):
    id = serializers.CharField(read_only=True)

    class Meta:
        model = User
        fields: ClassVar[list[str]] = ["id", "discord_id", "username", "display_name", "avatar_url"]
        read_only_fields = fields


class TokenPairSerializer(serializers.Serializer[dict[str, object]]):
    access = serializers.CharField()
    refresh = serializers.CharField()
    expires_at = serializers.DateTimeField(help_text=gettext_lazy("When `access` expires."))


class ExchangeSerializer(serializers.Serializer[dict[str, object]]):
    code = serializers.CharField(max_length=500)
    redirect_uri = serializers.CharField(max_length=2000, required=False)
    code_verifier = serializers.RegexField(
        r"^[A-Za-z0-9._~-]{43,128}$", required=False, help_text=gettext_lazy("PKCE, RFC 7636 §4.1.")
    )

    second_factor = serializers.CharField(
        max_length=20,
        required=False,
        help_text=gettext_lazy(
            "Code of the authenticator app, or a recovery code, if the account needs one."
        ),
    )

    def validate_redirect_uri(self, value: str) -> str:
        if value not in settings.EXCHANGE_REDIRECT_URIS:
            raise serializers.ValidationError(
                _(
                    "This redirect_uri is not allowed. The setting EXCHANGE_REDIRECT_URIS lists those that are."
                )
            )
        return value


class ExchangedSerializer(TokenPairSerializer):
    user = UserSerializer()


class SessionSerializer(serializers.ModelSerializer[AuthSession]):
    sid = serializers.CharField(source="pk")
    store = serializers.SerializerMethodField(
        help_text=gettext_lazy("The instance of a sync token. Null for a login.")
    )
    expires_at = serializers.DateTimeField(
        allow_null=True,
        read_only=True,
        help_text=gettext_lazy("When a sync token expires. Null for a login."),
    )
    current = serializers.SerializerMethodField(
        help_text=gettext_lazy("Whether this request uses this session.")
    )

    class Meta:
        model = AuthSession
        fields: ClassVar[list[str]] = [
            "sid",
            "device",
            "store",
            "address",
            "created_at",
            "last_seen_at",
            "expires_at",
            "current",
        ]
        read_only_fields = fields

    def get_store(self, session: AuthSession) -> str | None:
        return session.store or None

    def get_current(self, session: AuthSession) -> bool:
        return bool(session.pk == self.context["current"])


@extend_schema_field(str)
class TokenField(serializers.Field[str, Any, str, Any]):
    """Any non-empty string. Verifying the token comes later and responds with 401."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "invalid": gettext_lazy("Must be a non-empty string.")
    }

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str) or not data:
            self.fail("invalid")
        return data


class RefreshSerializer(serializers.Serializer[dict[str, object]]):
    refresh = TokenField()


class TokenRequestSerializer(serializers.Serializer[dict[str, object]]):
    device = serializers.CharField(max_length=100, help_text=gettext_lazy("A name that the owner chooses."))


# A person as `user_shape` shows them. (A docstring would be repeated in the OpenAPI document.)
class PersonSerializer(serializers.Serializer[dict[str, object]]):
    id = serializers.CharField()
    username = serializers.CharField()
    display_name = serializers.CharField(
        help_text=gettext_lazy("The username where Discord has no display name.")
    )
    avatar_url = serializers.CharField(allow_null=True)


class DeviceTokenSerializer(serializers.Serializer[dict[str, object]]):
    id = serializers.CharField()
    device = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()


class NewDeviceTokenSerializer(DeviceTokenSerializer):
    token = serializers.CharField(help_text=gettext_lazy("Shown only in this answer."))
