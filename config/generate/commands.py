"""The commands of guilds: their table in docs/protocol.md, and their types for the clients."""

from __future__ import annotations

import re
import textwrap
from itertools import groupby
from typing import Any

from rest_framework import serializers

from config.generate.openapi import openapi
from config.generate.python import PythonTypes, in_python
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
    if arguments is not Arguments and (description := arguments.__dict__.get("__doc__")):
        return str(description)
    return "; ".join(_arg(name, field) for name, field in arguments().fields.items())


def _arg(name: str, field: serializers.Field[Any, Any, Any, Any]) -> str:
    kind = ""
    if isinstance(field, serializers.ChoiceField):
        kind = ": " + "\\|".join(field.choices)
    elif isinstance(field, serializers.IntegerField):
        kind = f": {field.min_value}…{field.max_value}"
    description = f", {field.help_text}" if field.help_text else ""
    return f"`{name}{'' if field.required else '?'}{kind}`{description}"


def _appends(command: type[Command]) -> str:
    """Return the events by name, with the case in which each is appended. Neighbors with the same case share it."""
    cases = groupby(command.appends.items(), key=lambda item: item[1])
    return "; ".join(
        f"{', '.join(f'`{event.__name__}`' for event, _ in several)} {when}".rstrip()
        for when, several in cases
    )


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


def python_commands() -> str:
    """Return the module of the Python client that has a method for each command."""
    schemas = openapi()["components"]["schemas"]
    types = PythonTypes(schemas | {name: {**its, "description": ""} for name, its in schemas.items()})
    methods = []
    for name, command in COMMANDS.items():
        args = schemas[f"{name}Command"]["properties"].get("args")
        kind = types.of(args, name=f"{name}Arguments") if args else ""
        parameters = f"self, **args: Unpack[{kind}]" if kind else "self"
        wrapped = textwrap.wrap(
            in_python(_summary(command)), 106, initial_indent='        """', subsequent_indent="        "
        )
        methods.append(
            f"    async def {_snake(name)}({parameters}) -> Ack:\n"
            + "\n".join(wrapped)
            + f'"""\n        return await self.command("{name}"{", args" if kind else ""})\n'
        )
    return PYTHON_COMMANDS.format(types=types.declarations(), methods="\n".join(methods))


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


PYTHON_COMMANDS = '''"""The commands of guilds, written by `manage.py generate` from queue_app/commands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict, Unpack

from backline_client.sync import Ack


{types}

class GuildCommands(ABC):
    """A method for each command. The response has the seqs of its events, none if nothing changed."""

    @abstractmethod
    async def command(self, name: str, args: Mapping[str, Any] | None = None) -> Ack:
        """Run a command by its name, exactly once. Raises Refused."""

{methods}'''
