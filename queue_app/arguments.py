"""Fields for the arguments of commands, beside those of `accounts/strict_fields.py`."""

from __future__ import annotations

import re
from typing import Any, cast
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.errors import InvalidInput
from accounts.strict_fields import always

_CHANNEL_ID = re.compile(r"^[0-9]{1,20}$")


class Arguments(serializers.Serializer[dict[str, Any]]):
    """Arguments of a command. Names that it does not know, as those of a later version, are ignored."""

    def read(self, args: object) -> dict[str, Any]:
        """Return clean arguments, JSON-ready. May be called again and by any thread. Raises InvalidInput."""
        if not isinstance(args, dict):
            raise InvalidInput({"non_field_errors": [_("This must be a JSON object.")]})
        try:
            clean: dict[str, Any] = self.run_validation(args)
        except serializers.ValidationError as error:
            told = cast("dict[str, list[str]]", error.detail)  # a serializer's: by field
            raise InvalidInput({name: [*map(str, lines)] for name, lines in told.items()}) from error
        return clean


class ItemId(serializers.UUIDField):
    """The id of an item of the queue; a string, also once it is read."""

    def __init__(self, *, sentence: str | Promise = "", **options: Any) -> None:
        words = always(sentence or _("Must be the id of an item."))
        super().__init__(error_messages=words, **options)

    def to_internal_value(self, data: Any) -> str:  # type: ignore[override]  # the log keeps JSON
        try:
            return str(UUID(data))
        except (AttributeError, TypeError, ValueError):
            self.fail("invalid")


class ChannelId(serializers.RegexField):
    def __init__(self, **options: Any) -> None:
        super().__init__(_CHANNEL_ID, error_messages=always(_("Must be the id of a channel.")), **options)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str) or not _CHANNEL_ID.fullmatch(data):
            self.fail("invalid")
        return data


class ItemArguments(Arguments):
    item_id = ItemId()
