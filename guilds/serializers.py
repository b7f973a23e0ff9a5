from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from accounts.models import User, snowflake_validator
from accounts.strict_fields import OneOf, OnlyKnownFields, Snowflake, WholeNumber, YesOrNo
from guilds.models import Channel, GuildSettings, Role
from guilds.setting_fields import (
    ChoiceField,
    MirroredField,
    NumberField,
    SourcesField,
    SwitchField,
    known_sources,
    settings_in,
)


# The fields that every member may see. (Derived serializers would inherit a docstring, so this is a comment.)
class PublicGuildSerializer(serializers.Serializer[dict[str, object]]):
    id = serializers.CharField()
    name = serializers.CharField()
    icon_url = serializers.CharField(allow_null=True)
    bot_installed = serializers.BooleanField()
    unavailable = serializers.BooleanField(help_text=gettext_lazy("Discord has an outage for this guild."))
    member_count = serializers.IntegerField(allow_null=True)


# With whom something is shared. Has exactly one of `user_id`, `discord_id` and `guild_id`.
class AudienceSerializer(serializers.Serializer[dict[str, object]]):
    user_id = serializers.CharField(required=False, max_length=20)
    discord_id = serializers.CharField(required=False, validators=[snowflake_validator])
    guild_id = serializers.CharField(required=False, validators=[snowflake_validator])
    role_id = serializers.CharField(required=False, validators=[snowflake_validator])

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


class GuildSerializer(PublicGuildSerializer):
    owner = serializers.BooleanField()
    permissions = serializers.CharField(
        help_text=gettext_lazy("Discord's permission bits as a decimal number.")
    )
    can_manage = serializers.BooleanField()


class GuildAnswerSerializer(GuildSerializer):
    stale_since = serializers.DateTimeField(
        allow_null=True,
        help_text=gettext_lazy("Since when changes may have been missed. Null while the bot is connected."),
    )


class VoiceStateSerializer(serializers.Serializer[dict[str, object]]):
    channel_id = serializers.CharField(
        allow_null=True, help_text=gettext_lazy("A voice or stage channel. Null if in none.")
    )


class VoiceChannelSerializer(serializers.Serializer[dict[str, object]]):
    id = serializers.CharField()
    name = serializers.CharField()
    stage = serializers.BooleanField()


class LackSerializer(serializers.Serializer[dict[str, object]]):
    permission = serializers.CharField(help_text=gettext_lazy("Discord's name of the permission."))
    bit = serializers.CharField(help_text=gettext_lazy("The permission bit as a decimal number."))
    title = serializers.CharField(help_text=gettext_lazy("The permission's name as people see it."))
    needed_for = serializers.CharField()
    features = serializers.ListField(
        child=serializers.CharField(),
        help_text=gettext_lazy("The features of this guild that need it, as in the install URL."),
    )
    channel_id = serializers.CharField(
        allow_null=True, help_text=gettext_lazy("Null if missing in the whole guild.")
    )


class ChannelSerializer(serializers.ModelSerializer[Channel]):
    class Meta:
        model = Channel
        fields: ClassVar[list[str]] = ["id", "type", "name", "position", "parent_id"]


class RoleSerializer(serializers.ModelSerializer[Role]):
    class Meta:
        model = Role
        fields: ClassVar[list[str]] = ["id", "name", "color", "position", "mentionable"]


class InstallUrlSerializer(serializers.Serializer[dict[str, object]]):
    url = serializers.CharField()


type StrictField = serializers.Field[Any, Any, Any, Any]


class SourceNames(serializers.ListField):
    child = serializers.CharField()

    def to_internal_value(self, data: object) -> list[str]:
        known = known_sources()
        names = [name for name in data if isinstance(name, str)] if isinstance(data, list) else []
        if not names or names != data or not known.keys() >= set(names):
            raise serializers.ValidationError(
                _("Must be a list with at least one of %(sources)s, or null for all.")
                % {"sources": ", ".join(known)}
            )
        return sorted(set(names))


class ModelSettingsSerializer[M: models.Model](OnlyKnownFields, serializers.ModelSerializer[M]):
    """Strictly checks and shows the settings that a model declares (`guilds/setting_fields.py`)."""

    serializer_field_mapping: ClassVar[
        dict[type[models.Field[Any, Any]], type[serializers.Field[Any, Any, Any, Any]]]
    ] = {
        NumberField: WholeNumber,
        SwitchField: YesOrNo,
        ChoiceField: OneOf,
        MirroredField: Snowflake,
        SourcesField: SourceNames,
    }
    serializer_choice_field = OneOf

    def build_standard_field(
        self, field_name: str, model_field: models.Field[Any, Any]
    ) -> tuple[type[serializers.Field[Any, Any, Any, Any]], dict[str, Any]]:
        """Drop options that Django's forms need and JSON does not, such as `allow_blank`: no id is empty."""
        field_class, options = super().build_standard_field(field_name, model_field)
        dropped = {"allow_blank", "encoder", "decoder", "style"}
        return field_class, {key: options[key] for key in options.keys() - dropped}


class SettingsSerializer(ModelSettingsSerializer[GuildSettings]):
    unknown = gettext_lazy("Unknown setting.")
    gone = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text=gettext_lazy("Settings whose role or channel was deleted. They count as not set."),
    )
    problems = serializers.DictField(
        child=serializers.CharField(),
        read_only=True,
        help_text=gettext_lazy("A sentence for each setting that cannot work at the moment, by its name."),
    )

    class Meta:
        model = GuildSettings
        fields: ClassVar[list[str]] = [
            *(field.name for field in settings_in(GuildSettings)), "gone", "problems",
        ]  # fmt: skip
        extra_kwargs: ClassVar[dict[str, dict[str, Any]]] = {name: {"required": True} for name in fields[:-2]}


class ChangeSettingsSerializer(ModelSettingsSerializer[GuildSettings]):
    """The arguments of the command `ChangeSettings`: one or more settings."""

    unknown = gettext_lazy("Unknown setting.")

    class Meta:
        model = GuildSettings
        fields: ClassVar[list[str]] = [field.name for field in settings_in(GuildSettings)]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(
                _("Name at least one setting to change: %(settings)s.") % {"settings": ", ".join(self.fields)}
            )
        return attrs
