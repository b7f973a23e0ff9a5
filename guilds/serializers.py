from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from guilds.models import Channel, Role


# What everybody may see who may see the guild. (A docstring would be taken for that of what derives from it.)
class PublicGuildSerializer(serializers.Serializer[dict[str, Any]]):
    id = serializers.CharField()
    name = serializers.CharField()
    icon_url = serializers.CharField(allow_null=True)
    bot_installed = serializers.BooleanField()
    unavailable = serializers.BooleanField(help_text="Discord has an outage for this guild.")
    member_count = serializers.IntegerField(allow_null=True)


class GuildSerializer(PublicGuildSerializer):
    owner = serializers.BooleanField()
    permissions = serializers.CharField(help_text="Discord's permission bits, a decimal number.")
    can_manage = serializers.BooleanField()


class GuildAnswerSerializer(GuildSerializer):
    stale_since = serializers.DateTimeField(
        allow_null=True,
        help_text="Since when changes may have been missed; null while the bot hears of them.",
    )


class VoiceStateSerializer(serializers.Serializer[dict[str, Any]]):
    channel_id = serializers.CharField(allow_null=True, help_text="A voice or stage channel; null: in none.")


class VoiceChannelSerializer(serializers.Serializer[dict[str, Any]]):
    id = serializers.CharField()
    name = serializers.CharField()
    stage = serializers.BooleanField()


class LackSerializer(serializers.Serializer[dict[str, Any]]):
    permission = serializers.CharField(help_text="Discord's name of it.")
    bit = serializers.CharField(help_text="Its permission bit, a decimal number.")
    needed_for = serializers.CharField()
    channel_id = serializers.CharField(allow_null=True, help_text="Null: in the whole guild.")


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
