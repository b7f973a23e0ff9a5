"""What a command is. Each is declared in its own file of `queue_app/commands`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from rest_framework import serializers

from queue_app.arguments import Arguments
from queue_app.domain.policy import Right
from queue_app.models import Player, QueueItem
from realtime.events import TypedEvent


class Command:
    """A change that a person may ask for by the name of its class. The docstring's first sentence says what it does.

    A class with subclasses is no command.

    arguments: what it takes.
    right: who may. It is checked before `run` is called.
    appends: the events that it may append, each with when that is; empty where it does unless nothing changes.
    result: the shape of what it returns.
    undone: what undoing it does; empty where it cannot be undone. `run` adds the steps to `state.undo`.
    run(state, **arguments): do it to an open guild, in the transaction that holds the guild's lock, and return the
        item or player that was changed, or a result in its shape. Raises a refusal, which undoes everything.
    """

    arguments: ClassVar[type[Arguments]] = Arguments
    right: ClassVar[Right]
    appends: ClassVar[Mapping[type[TypedEvent], str]]
    result: ClassVar[type[serializers.Serializer[Any]]]
    undone: ClassVar[str] = ""
    run: ClassVar[Callable[..., QueueItem | Player | dict[str, Any]]]
    _reader: ClassVar[Arguments]

    def __init_subclass__(cls) -> None:
        cls._reader = cls.arguments()

    @classmethod
    def check(cls, args: dict[str, Any]) -> dict[str, Any]:
        """Return clean arguments. Raises InvalidInput; nothing of the guild is looked at."""
        return cls._reader.read(args)


def command_classes(base: type[Command] = Command) -> list[type[Command]]:
    """Return every command that derives from `base`, at any depth."""
    derived = base.__subclasses__()
    return [command for each in derived for command in command_classes(each)] if derived else [base]
