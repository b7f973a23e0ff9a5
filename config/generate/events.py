"""The events of guilds: their table in docs/protocol.md, their JSON Schema, and their types for the clients."""

from __future__ import annotations

import json
from dataclasses import MISSING, Field, fields
from functools import reduce
from inspect import cleandoc
from operator import or_
from types import NoneType
from typing import Any, get_args, get_type_hints

from config.generate.json_schema import Schema, Schemas, closed
from config.generate.python import PythonTypes
from config.generate.typescript import Types
from realtime.events import TypedEvent, event_classes

LOG = "guild"
APPS = ("queue_app", "guilds", "library", "alerts")  # in the order of the docs


def _events() -> list[type[TypedEvent]]:
    return sorted(event_classes(LOG), key=lambda event: APPS.index(event.__module__.partition(".")[0]))


def _what_happened(event: type[TypedEvent]) -> str:
    return " ".join(cleandoc(event.__doc__ or "").partition("\n\n")[0].split())


def _args(event: type[TypedEvent], schemas: Schemas) -> Schema:
    """Return the schema of the fields. Fields that `append` fills in come last."""
    ordered = sorted(fields(event), key=lambda each: not each.init)
    return closed(
        {each.name: schemas.of_type(_type(event, each), event.shapes) for each in ordered},
        optional={each.name for each in ordered if each.default is not MISSING},
    )


def _type(event: type[TypedEvent], each: Field[Any]) -> object:
    """Return the type of a field when it is present. A field whose default is None is left out instead of null."""
    declared = get_type_hints(event, include_extras=True)[each.name]
    if each.default is not None:
        return declared
    return reduce(or_, [one for one in get_args(declared) if one is not NoneType])


# --- JSON Schema ---


def events_schema() -> Schema:
    """Return the schema of any event of a guild: its `name` with its `args`."""
    schemas, events = Schemas(), _events()
    of_events = {event.__name__: _schema(event, schemas) for event in events}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The events of guilds",
        "description": "Written by `manage.py generate`. protocol.md describes an event's other fields.",
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in of_events],
        "$defs": of_events | schemas.defs,
    }


def _schema(event: type[TypedEvent], schemas: Schemas) -> Schema:
    return {
        "description": _what_happened(event),
        "$comment": f"Version {event.version}",
        "type": "object",
        "properties": {"name": {"const": event.__name__}, "args": _args(event, schemas)},
        "required": ["name", "args"],
    }


def events_json() -> str:
    return json.dumps(events_schema(), indent=2, ensure_ascii=False) + "\n"


# --- The table ---


def events_table() -> str:
    rows = [
        (f"`{event.__name__}`", _what_happened(event), _args_in_words(event), event.reducer)
        for event in _events()
    ]
    head = [("event", "what happened", "args", "what a reducer does"), ("---",) * 4]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [*head, *rows])


def _args_in_words(event: type[TypedEvent]) -> str:
    args = _args(event, Schemas())
    needed = args["required"]
    return "; ".join(
        _arg_in_words(name, schema, needed=name in needed) for name, schema in args["properties"].items()
    )


def _arg_in_words(name: str, schema: Schema, *, needed: bool) -> str:
    words = ": " + "\\|".join(word for word in schema["enum"]) if "enum" in schema else ""
    description = f", {schema['description']}" if "description" in schema else ""
    return f"`{name}{'' if needed else '?'}{words}`{description}"


# --- TypeScript ---


def events_types() -> str:
    schema = events_schema()
    types = Types(schema["$defs"], known={})
    events = [f"  /** {_what_happened(event)} */\n  | {event.__name__}\n" for event in _events()]
    types.of({"oneOf": schema["oneOf"]})
    return (
        "/** The events of guilds, written by `manage.py generate` from the events.py of the apps. */\n\n"
        f"{types.declarations()}\n"
        "/** An event of a guild. `SyncEvent` adds its other fields. */\n"
        f"export type GuildEvent =\n{''.join(events).removesuffix('\n')};\n"
    )


# --- Python ---


def python_events() -> str:
    """Return the module of the Python client that has the types of the events' args."""
    schemas = events_schema()
    types = PythonTypes(schemas["$defs"])
    for event in _events():
        schema = schemas["$defs"][event.__name__]
        types.declare(event.__name__, schema["properties"]["args"] | {"description": _what_happened(event)})
    return (
        '"""The `args` of the events of guilds, by the events\' names. Written by `manage.py generate`."""\n\n'
        "from __future__ import annotations\n\n"
        "from typing import Literal, NotRequired, TypedDict\n\n\n"
        f"{types.declarations()}"
    )
