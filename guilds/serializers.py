from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from guilds.models import Channel, Role


class GuildSerializer(serializers.Serializer[dict[str, Any]]):
    id = serializers.CharField()
    name = serializers.CharField()
    icon_url = serializers.CharField(allow_null=True)
    owner = serializers.BooleanField()
    permissions = serializers.CharField(help_text="Discord's permission bits, a decimal number.")
    can_manage = serializers.BooleanField()
    bot_installed = serializers.BooleanField()
    unavailable = serializers.BooleanField(help_text="Discord has an outage for this guild.")
    member_count = serializers.IntegerField(allow_null=True)


class ChannelSerializer(serializers.ModelSerializer[Channel]):
    class Meta:
        model = Channel
        fields: ClassVar[list[str]] = ["id", "type", "name", "position", "parent_id"]


class RoleSerializer(serializers.ModelSerializer[Role]):
    class Meta:
        model = Role
        fields: ClassVar[list[str]] = ["id", "name", "color", "position", "mentionable"]


class InstallUrlSerializer(serializers.Serializer[dict[str, Any]]):
    url = serializers.CharField()
