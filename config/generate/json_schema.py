"""JSON Schema (draft 2020-12) of serializers and Python types, as clients receive them, with every field."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from rest_framework import serializers

from realtime.events import PartOf, Shape

Schema = dict[str, Any]
Field = serializers.Field[Any, Any, Any, Any]
Serializer = serializers.BaseSerializer[Any]

_SCALARS: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    UUID: {"type": "string", "format": "uuid"},
    NoneType: {"type": "null"},
}
_FIELDS: dict[type[Field], Schema] = {
    serializers.BooleanField: {"type": "boolean"},
    serializers.IntegerField: {"type": "integer"},
    serializers.DateTimeField: {"type": "string", "format": "date-time"},
    serializers.CharField: {"type": "string"},
}


class Schemas:
    """Builds schemas. `defs` holds the schemas of the serializers that they refer to."""

    def __init__(self) -> None:
        self.defs: dict[str, Schema] = {}

    def of_type(self, declared: Any, shapes: Mapping[type, Shape]) -> Schema:
        """Return the schema of a field's type, of any form such as `int | None`.

        `shapes` maps types that are not JSON to their serializers.
        """
        origin, args = get_origin(declared), get_args(declared)
        if declared in shapes:
            return self.of_serializer(shapes[declared].serializer)
        if origin is Annotated:
            return self._of_annotated(args[0], args[1], shapes)
        if origin in (Union, UnionType):
            return _any_of([self.of_type(each, shapes) for each in args])
        if origin is Literal:
            return {"enum": list(args)}
        if origin is list:
            return {"type": "array", "items": self.of_type(args[0], shapes)}
        if origin is tuple:
            items = [self.of_type(each, shapes) for each in args]
            return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
        return {"type": "object"} if origin is dict else dict(_SCALARS[declared])

    def _of_annotated(self, declared: object, note: PartOf | str, shapes: Mapping[type, Shape]) -> Schema:
        if isinstance(note, PartOf):
            name, settable = f"Some{_name(note.serializer)}", _fields(note.serializer, read_only=False)
            self.defs[name] = closed(self._of_fields(settable), optional=settable.keys())
            return {"$ref": f"#/$defs/{name}"}
        return self.of_type(declared, shapes) | {"description": note}

    def of_serializer(self, serializer: type[Serializer]) -> Schema:
        name = _name(serializer)
        if name not in self.defs:
            self.defs[name] = {}  # reserves its place in the order, and stops a recursion
            self.defs[name] = closed(self._of_fields(_fields(serializer)))
        return {"$ref": f"#/$defs/{name}"}

    def _of_fields(self, fields: Mapping[str, Field]) -> dict[str, Schema]:
        return {name: self.of_field(field) for name, field in fields.items()}

    def of_field(self, field: Field) -> Schema:
        """Return the schema of a field's output."""
        found = self._of_field(field)
        if field.help_text:
            found["description"] = str(field.help_text)
        return _any_of([found, {"type": "null"}]) if field.allow_null else found

    def _of_field(self, field: Field) -> Schema:
        if isinstance(field, serializers.ListSerializer | serializers.ListField):
            assert field.child is not None  # DRF creates one if none is named
            return {"type": "array", "items": self.of_field(field.child)}
        if isinstance(field, serializers.BaseSerializer):
            return self.of_serializer(type(field))
        if isinstance(field, serializers.ChoiceField):
            return {"enum": list(field.choices)}
        limits = {"minimum": getattr(field, "min_value", None), "maximum": getattr(field, "max_value", None)}
        scalar = next(schema for kind, schema in _FIELDS.items() if isinstance(field, kind))
        return scalar | {key: value for key, value in limits.items() if value is not None}


def closed(properties: dict[str, Schema], *, optional: Collection[str] = ()) -> Schema:
    """Return the schema of an object with these members and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _fields(serializer: type[Serializer], *, read_only: bool = True) -> dict[str, Field]:
    """Return the fields by name. If `read_only` is false, leave out read-only fields."""
    found = serializer()
    assert isinstance(found, serializers.Serializer)
    return {name: field for name, field in found.fields.items() if read_only or not field.read_only}


def _any_of(schemas: list[Schema]) -> Schema:
    """Return the shortest schema that allows what any of `schemas` allows."""
    first, *others = (each for at, each in enumerate(schemas) if each not in schemas[:at])
    if not others:
        return first
    if others != [{"type": "null"}]:
        return {"anyOf": schemas}
    if "enum" in first:
        return first | {"enum": [*first["enum"], None]}
    return first | {"type": [first["type"], "null"]} if "type" in first else {"anyOf": schemas}


def _name(serializer: type[Serializer]) -> str:
    return serializer.__name__.removesuffix("Serializer")
