from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from accounts.models import User


class UserSerializer(serializers.ModelSerializer[User]):
    id = serializers.CharField(read_only=True)

    class Meta:
        model = User
        fields: ClassVar[list[str]] = ["id", "discord_id", "username", "display_name", "avatar_url"]
        read_only_fields = fields


class TokenPairSerializer(serializers.Serializer[dict[str, Any]]):
    access = serializers.CharField()
    refresh = serializers.CharField()
    expires_at = serializers.DateTimeField(help_text="When `access` expires.")


class RefreshSerializer(serializers.Serializer[dict[str, Any]]):
    refresh = serializers.CharField(max_length=4096)
