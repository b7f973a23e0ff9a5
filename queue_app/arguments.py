"""Fields for the arguments of commands, in addition to those of `accounts/strict_fields.py`."""

from __future__ import annotations

import re
from typing import Any, Unpack, cast
from uuid import UUID

from django.utils.translation import gettext as _
from django_stubs_ext import StrOrPromise
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.errors import InvalidInput
from accounts.strict_fields import FieldOptions, ListOf, always
from queue_app.positions import POSITIONS

MAX_ITEMS = 1_000
_CHANNEL_ID = re.compile(r"^[0-9]{1,20}$")


class Arguments(serializers.Serializer[dict[str, Any]]):
    """Arguments of a command. Unknown names are ignored, because a newer client may send them."""

    def read(self, args: object) -> dict[str, Any]:
        """Return clean, JSON-ready arguments. Can be called several times and from any thread. Raises InvalidInput."""
        if not isinstance(args, dict):
            raise InvalidInput({"non_field_errors": [_("This must be a JSON object.")]})
        try:
            clean: dict[str, Any] = self.run_validation(args)
        except serializers.ValidationError as error:
            by_field = cast("dict[str, list[str]]", error.detail)  # the errors of a serializer, by field
            raise InvalidInput({name: [*map(str, lines)] for name, lines in by_field.items()}) from error
        return clean


class ItemId(serializers.UUIDField):
    """The id of a queue item. Its clean value is a string."""

    def __init__(self, *, sentence: StrOrPromise = "", **options: Unpack[FieldOptions[UUID]]) -> None:
        words = always(sentence or _("Must be the id of an item."))
        super().__init__(error_messages=words, **options)

    def to_internal_value(self, data: object) -> str:  # type: ignore[override]  # the log stores JSON
        try:
            return str(UUID(data if isinstance(data, str) else ""))
        except ValueError:
            self.fail("invalid")


class ItemIds(ListOf):
    """Ids of items, without duplicates."""

    def __init__(self, **options: Unpack[FieldOptions[list[str]]]) -> None:
        super().__init__(ItemId(), limit=MAX_ITEMS, **options)

    def to_internal_value(self, data: list[object]) -> list[str]:
        return list(dict.fromkeys(super().to_internal_value(data)))


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "enum": list(POSITIONS)},
            {
                "type": "object",
                "properties": {"after": {"type": "string", "format": "uuid"}},
                "required": ["after"],
                "additionalProperties": False,
            },
        ]
    }
)
class Position(serializers.Field[Any, Any, Any, Any]):
    """A position in the queue: a word of POSITIONS, or `{"after": the id of an item}`."""

    def __init__(self, **options: Unpack[FieldOptions[str]]) -> None:
        sentence = _('Must be one of %(words)s, or {{"after": the id of an item}}.')
        super().__init__(error_messages=always(sentence % {"words": ", ".join(POSITIONS)}), **options)

    def to_internal_value(self, data: object) -> str | dict[str, str]:
        if isinstance(data, str) and data in POSITIONS:
            return data
        if isinstance(data, dict) and set(data) == {"after"}:
            return {
                "after": str(ItemId(sentence=self.error_messages["invalid"]).to_internal_value(data["after"]))
            }
        return self.fail("invalid")


class ChannelId(serializers.RegexField):
    def __init__(self, **options: Unpack[FieldOptions[str]]) -> None:
        super().__init__(_CHANNEL_ID, error_messages=always(_("Must be the id of a channel.")), **options)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str) or not _CHANNEL_ID.fullmatch(data):
            self.fail("invalid")
        return data


class ItemArguments(Arguments):
    item_id = ItemId()
