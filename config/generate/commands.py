"""The commands of guilds: their table in docs/protocol.md and their types for the JavaScript client."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from config.generate.openapi import openapi
from config.generate.typescript import Types
from queue_app.arguments import Arguments
from queue_app.commands import COMMANDS
from queue_app.domain.command import Command

# Shapes that clients/js/src/types.d.ts declares.
KNOWN = {"Person", "Player", "Problem", "QueueItem", "SkipVote", "Track"}


def commands_table() -> str:
    rows = [
        (
            f"`{name}`",
            _summary(command),
            _args(command.arguments),
            _appends(command),
            command.right.words,
            command.undone,
        )
        for name, command in COMMANDS.items()
    ]
    head = [("command", "what it does", "args", "appends", "who", "undoing it"), ("---",) * 6]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [*head, *rows])


def _summary(command: type[Command]) -> str:
    return " ".join((command.__doc__ or "").partition("\n\n")[0].split())


def _args(arguments: type[Arguments]) -> str:
    """Return the arguments by name, or the docstring of the class if it has one."""
    if arguments is not Arguments and (told := arguments.__dict__.get("__doc__")):
        return str(told)
    return "; ".join(_arg(name, field) for name, field in arguments().fields.items())


def _arg(name: str, field: serializers.Field[Any, Any, Any, Any]) -> str:
    kind = ""
    if isinstance(field, serializers.ChoiceField):
        kind = ": " + "\\|".join(field.choices)
    elif isinstance(field, serializers.IntegerField):
        kind = f": {field.min_value}…{field.max_value}"
    told = f", {field.help_text}" if field.help_text else ""
    return f"`{name}{'' if field.required else '?'}{kind}`{told}"


def _appends(command: type[Command]) -> str:
    return "; ".join(f"`{event.__name__}` {when}".rstrip() for event, when in command.appends.items())


def commands_types() -> str:
    schemas = openapi()["components"]["schemas"]
    types = Types(schemas, KNOWN)
    lines = []
    for name, command in COMMANDS.items():
        args = schemas[f"{name}Command"]["properties"].get("args")
        result = types.of({"$ref": f"#/components/schemas/{_component(command.result)}"})
        lines += [
            f"  /** {_summary(command)} */",
            f"  {name}: {{ args: {types.of(args) if args else 'Record<string, never>'}; result: {result} }};",
        ]
    return (
        "/** The commands of guilds, written by `manage.py generate` from queue_app/commands. */\n\n"
        f'import type {{ {", ".join(sorted(KNOWN))} }} from "./types.d.ts";\n\n'
        f"{types.declarations()}\n"
        "/** What each command takes and returns, by its name. */\n"
        f"export interface Commands {{\n{'\n'.join(lines)}\n}}\n"
    )


def _component(shape: type[serializers.Serializer[Any]]) -> str:
    return shape.__name__.removesuffix("Serializer")
