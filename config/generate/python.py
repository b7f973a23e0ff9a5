"""Python types for schemas: `TypedDict`s with their fields' descriptions as comments."""

from __future__ import annotations

import json
import keyword
import re
import textwrap
from typing import Any

_PLAIN = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_WIDTH = 108


class PythonTypes:
    """Collects the types of schemas, those that they refer to first."""

    def __init__(self, schemas: dict[str, Any]) -> None:
        self._schemas = schemas
        self._declared: dict[str, str] = {}

    def of(self, schema: dict[str, Any], *, name: str) -> str:
        """Return the type of a schema, and add what it refers to. `name` is for an object that has none."""
        if "$ref" in schema:
            return self._named(schema["$ref"].rpartition("/")[2])
        if "const" in schema or "enum" in schema:
            words = schema.get("enum", [schema.get("const")])
            literal = f"Literal[{', '.join(json.dumps(word) for word in words if word is not None)}]"
            return f"{literal} | None" if None in words else literal
        for several in ("oneOf", "anyOf"):
            if several in schema:
                return " | ".join(dict.fromkeys(self.of(one, name=name) for one in schema[several]))
        if "allOf" in schema:
            return self.of(schema["allOf"][0], name=name)
        kinds = schema.get("type", "any")
        if isinstance(kinds, list):
            return " | ".join(self.of(schema | {"type": kind}, name=name) for kind in kinds)
        if kinds == "array":
            if "prefixItems" in schema:
                return f"tuple[{', '.join(self.of(one, name=name) for one in schema['prefixItems'])}]"
            return f"list[{self.of(schema['items'], name=name)}]"
        if kinds == "object":
            return self.declare(name, schema) if schema.get("properties") else "dict[str, Any]"
        return _PLAIN.get(kinds, "Any")

    def declare(self, name: str, schema: dict[str, Any]) -> str:
        """Add a type for an object. Returns its name."""
        if any(map(keyword.iskeyword, schema["properties"])):
            # A class cannot have a field that is named by a keyword of Python.
            fields = "".join(
                f'        "{field}": {self._field(name, field, schema)},\n' for field in schema["properties"]
            )
            self._declared[name] = f'{name} = TypedDict(\n    "{name}",\n    {{\n{fields}    }},\n)\n'
            return name
        lines = [f"class {name}(TypedDict):"]
        if description := schema.get("description"):
            words = textwrap.wrap(
                f'"""{in_python(description)}', _WIDTH, initial_indent="    ", subsequent_indent="    "
            )
            lines += [*words[:-1], f'{words[-1]}"""', ""]
        for field, its in schema["properties"].items():
            if text := its.get("description"):
                lines += textwrap.wrap(
                    in_python(text), _WIDTH, initial_indent="    # ", subsequent_indent="    # "
                )
            lines.append(f"    {field}: {self._field(name, field, schema)}")
        if not schema["properties"]:
            lines.append("    pass")
        self._declared[name] = "\n".join(lines) + "\n"
        return name

    def _field(self, name: str, field: str, schema: dict[str, Any]) -> str:
        """Return the type of a field of the object `name`."""
        kind = self.of(schema["properties"][field], name=f"{name}{field.title().replace('_', '')}")
        return kind if field in schema.get("required", ()) else f"NotRequired[{kind}]"

    def _named(self, name: str) -> str:
        schema = self._schemas[name]
        if "properties" not in schema:
            return self.of(schema, name=name)
        return name if name in self._declared else self.declare(name, schema)

    def declarations(self) -> str:
        return "\n\n".join(self._declared.values())


def in_python(text: str) -> str:
    """Return words about JSON as words about Python."""
    return re.sub(r"\bnull\b", "None", text)
