"""TypeScript types for the schemas of the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


class Types:
    """Collects the types of schemas. `known` are the names of types that are declared elsewhere."""

    def __init__(self, schemas: dict[str, Any], known: Collection[str]) -> None:
        self._schemas = schemas
        self._known = known
        self._declared: dict[str, str] = {}

    def of(self, schema: dict[str, Any]) -> str:
        """Return the type of a schema, and add the types that it refers to to `declarations`."""
        if "$ref" in schema:
            return self._named(schema["$ref"].rpartition("/")[2])
        if "const" in schema or "enum" in schema:
            return " | ".join(json.dumps(word) for word in schema.get("enum", [schema.get("const")]))
        for several in ("oneOf", "anyOf", "allOf"):
            if several in schema:
                return (" & " if several == "allOf" else " | ").join(map(self.of, schema[several]))
        kinds = schema.get("type", "any")
        if isinstance(kinds, list):
            return " | ".join(self.of(schema | {"type": kind}) for kind in kinds)
        if kinds == "array":
            if "prefixItems" in schema:
                return f"[{', '.join(map(self.of, schema['prefixItems']))}]"
            return f"Array<{self.of(schema['items'])}>"
        if kinds == "object":
            return self._object(schema) if "properties" in schema else "Record<string, any>"
        return _PLAIN.get(kinds, "any")

    def _named(self, name: str) -> str:
        if name in self._known or name in self._declared:
            return name
        schema = self._schemas[name]
        if "properties" not in schema:
            return self.of(schema)
        self._declared[name] = ""  # reserves its place in the order, and stops a recursion
        self._declared[name] = f"export interface {name} {self._object(schema)}\n"
        return name

    def _object(self, schema: dict[str, Any]) -> str:
        lines = ["{"]
        for name, field in schema["properties"].items():
            if description := field.get("description"):
                lines.append(f"  /** {description} */")
            optional = "" if name in schema.get("required", ()) else "?"
            lines.append(f"  {name}{optional}: {self.of(field)};".replace("\n", "\n  "))
        return "\n".join([*lines, "}"])

    def declarations(self) -> str:
        return "\n".join(self._declared.values())
