"""Requests and responses of `POST /api/guilds/{id}/commands`, and bodies of the routes that are aliases of commands."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from accounts.strict_fields import OnlyKnownFields, WholeNumber, YesOrNo, always
from queue_app.arguments import Arguments, ChannelId
from queue_app.commands import COMMANDS
from queue_app.commands.move_item import MoveItemArguments
from queue_app.commands.seek import MAX_MS
from queue_app.commands.set_loop import SetLoopArguments
from queue_app.commands.set_volume import SetVolumeArguments
from queue_app.domain.command import Command


class Name(serializers.Field[str, object, str, Any]):
    """Any text, not stripped and not checked, because `execute` refuses unknown names."""

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class CommandSerializer(Arguments):
    """Any command. The command itself checks `args`."""

    name = Name(error_messages=always(gettext_lazy("Must be the name of a command.")))
    args = serializers.DictField(
        required=False,
        allow_null=True,
        error_messages=always(gettext_lazy("Must be an object of arguments by name.")),
    )


def _by_name(command: type[Command]) -> type[Arguments]:
    """Return the serializer of a request with this command."""
    name = extend_schema_field({"type": "string", "const": command.__name__})(type("Name", (Name,), {}))
    needed = any(field.required for field in command.arguments().fields.values())
    fields = {
        "__doc__": (command.__doc__ or "").partition("\n\n")[0],
        "name": name(),
        "args": command.arguments(required=needed),
    }
    return type(f"{command.__name__}Command", (Arguments,), fields)


ANY_COMMAND = PolymorphicProxySerializer(
    component_name="Command",
    serializers={name: _by_name(command) for name, command in COMMANDS.items()},
    resource_type_field_name="name",
)


class ResultField(serializers.Field[Any, Any, Any, Any]):
    """The result of a command. `queue_app/schema.py` lists the shapes."""


class CommandAnswerSerializer(serializers.Serializer[dict[str, object]]):
    seq = serializers.IntegerField(
        allow_null=True,
        help_text=gettext_lazy("Sequence number of the last event of this command. Null if nothing changed."),
    )
    result = ResultField()


MoveItemBody = type("MoveItemBody", (MoveItemArguments,), {"item_id": None})  # the path names the item


class PlayerChanges(OnlyKnownFields, SetVolumeArguments, SetLoopArguments):
    """The fields of a player that PATCH can change. Other fields are refused."""

    unknown = gettext_lazy("This field cannot be changed here.")
    paused = YesOrNo()
    position_ms = WholeNumber(
        min_value=0,
        max_value=MAX_MS,
        help_text=gettext_lazy("position in the track, or its end if that is earlier"),
    )
    voice_channel_id = ChannelId(allow_null=True, help_text=gettext_lazy("Null to leave the voice channel."))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs:
            raise serializers.ValidationError(
                _("Name at least one field to change: %(fields)s.")
                % {"fields": ", ".join(sorted(self.fields))}
            )
        return attrs
