"""Serializer fields that do not convert JSON types: "5" is no number, 1 is no boolean, 5 is no text.

Each has one error sentence, which says what would be right, however the value is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, TypedDict, Unpack, cast

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_stubs_ext import StrOrPromise
from rest_framework import serializers

MAX_UNKNOWN = 20
MAX_NAME = 64
_MISTAKES = (
    "required", "null", "blank", "invalid", "invalid_choice", "min_value", "max_value", "max_length", "not_a_dict",
    "not_a_list", "empty", "min_length",
)  # fmt: skip


def always(sentence: StrOrPromise) -> dict[str, StrOrPromise]:
    """Return `error_messages` with the same sentence for every mistake. It should say what would be right."""
    return dict.fromkeys(_MISTAKES, sentence)


class FieldOptions[Value](TypedDict, total=False):
    """The options of any field, for those that pass them on to DRF."""

    required: bool
    default: Value | None
    allow_null: bool
    source: str
    help_text: StrOrPromise


class WholeNumber(serializers.IntegerField):
    def __init__(self, *, min_value: int, max_value: int, **options: Unpack[FieldOptions[int]]) -> None:
        if options.get("allow_null"):
            sentence = _("Must be a whole number from %(low)s to %(high)s, or null.")
        else:
            sentence = _("Must be a whole number from %(low)s to %(high)s.")
        super().__init__(
            min_value=min_value,
            max_value=max_value,
            error_messages=always(sentence % {"low": min_value, "high": max_value}),
            **options,
        )

    def to_internal_value(self, data: object) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data


class YesOrNo(serializers.BooleanField):
    def __init__(self, **options: Unpack[FieldOptions[bool]]) -> None:
        super().__init__(error_messages=always(_("Must be true or false.")), **options)

    def to_internal_value(self, data: object) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class OneOf(serializers.ChoiceField):
    """One of a fixed list of strings."""

    def __init__(
        self, choices: Sequence[tuple[str, StrOrPromise]], **options: Unpack[FieldOptions[str]]
    ) -> None:
        super().__init__(choices, **options)
        self.error_messages.update(
            always(_("Must be one of %(choices)s.") % {"choices": ", ".join(self.choices)})
        )

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("invalid_choice")
        return data


class ListOf(serializers.ListField):
    """A list of 1 to `limit` values. The sentence about a bad value begins with its number, from 1."""

    def __init__(
        self,
        child: serializers.Field[Any, Any, Any, Any],
        *,
        limit: int,
        **options: Unpack[FieldOptions[list[str]]],
    ) -> None:
        sentence = _("Must be a list of 1 to %(limit)s values.") % {
            "limit": number_format(limit, force_grouping=True)
        }
        super().__init__(
            child=child, min_length=1, max_length=limit, error_messages=always(sentence), **options
        )

    def run_child_validation(self, data: Iterable[object]) -> list[Any]:
        clean = []
        for number, value in enumerate(data, start=1):
            try:
                clean.append(self.child.run_validation(value))
            except serializers.ValidationError as error:
                lines = cast("list[str]", error.detail)
                raise serializers.ValidationError([f"{number}: {line}" for line in lines]) from error
        return clean


class Snowflake(serializers.CharField):
    """A Discord id, as a string."""

    def __init__(self, **options: Unpack[FieldOptions[str]]) -> None:
        if options.get("allow_null"):
            words = always(_("Must be a Discord id as a string, or null."))
        else:
            words = always(_("Must be a Discord id as a string."))
        super().__init__(error_messages=words, **options)

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str) or not data.isascii() or not data.isdecimal() or len(data) > 20:
            self.fail("invalid")
        return data


class OnlyKnownFields(serializers.Serializer[Any]):
    """Refuses fields that it does not know, each with the sentence `unknown`.

    The response names the first MAX_UNKNOWN of them, cut to MAX_NAME characters, so that it is not larger than the
    request.
    """

    unknown = gettext_lazy("Unknown field.")

    def to_internal_value(self, data: object) -> dict[str, Any]:
        known = {field.field_name for field in self._writable_fields}
        names = (name for name in (data if isinstance(data, dict) else ()) if name not in known)
        errors: dict[str, Any] = {str(name)[:MAX_NAME]: [self.unknown] for name in islice(names, MAX_UNKNOWN)}
        try:
            clean: dict[str, Any] = super().to_internal_value(data)
        except serializers.ValidationError as error:
            errors.update(cast("dict[str, Any]", error.detail))  # a serializer's detail: sentences by field
        if errors:
            raise serializers.ValidationError(errors)
        return clean
