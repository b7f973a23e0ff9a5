"""The base class of commands. Each command is declared in its own file of `queue_app/commands`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from queue_app.arguments import Arguments
from queue_app.domain.policy import Right
from queue_app.models import Player, QueueItem
from realtime.events import TypedEvent


class Command:
    """A change that a person can make, by the name of its class. The docs show the first paragraph of the docstring.

    A class with subclasses is not a command.

    arguments: the serializer of its arguments.
    right: who may use it. It is checked before `run` is called.
    appends: the events that it can append, each with the case in which it does. An event with an empty text is always
        appended, unless nothing changes.
    result: the serializer of its result.
    undone: what undoing it does, or "" if it cannot be undone. `run` adds the steps to `state.undo`.
    many: whether it may change many tracks at once. People may use such commands only so fast (`domain/pace.py`).
    reads_queue: whether it reads the whole queue, however little it changes.
    run(state, **arguments): changes an open guild, in the transaction that holds the guild's lock. Returns the item or
        player that was changed, or a result in its shape. Raises a refusal, which rolls everything back.
    """

    arguments: ClassVar[type[Arguments]] = Arguments
    right: ClassVar[Right]
    appends: ClassVar[Mapping[type[TypedEvent], str]]
    result: ClassVar[type[serializers.Serializer[Any]]]
    undone: ClassVar[str] = ""
    many: ClassVar[bool] = False
    reads_queue: ClassVar[bool] = False
    run: ClassVar[Callable[..., QueueItem | Player | dict[str, Any]]]
    _reader: ClassVar[Arguments]

    def __init_subclass__(cls) -> None:
        cls._reader = cls.arguments()

    @classmethod
    def check(cls, args: dict[str, Any]) -> dict[str, Any]:
        """Return clean arguments. Raises InvalidInput. Does not depend on the guild."""
        return cls._reader.read(args)


def command_classes(base: type[Command] = Command) -> list[type[Command]]:
    """Return every command that derives from `base`, at any depth."""
    derived = base.__subclasses__()
    return [command for each in derived for command in command_classes(each)] if derived else [base]
