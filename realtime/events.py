"""What the server itself writes to logs: a typed class for each event, in the `events.py` of the app that appends it.

The class is the whole declaration: append writes it, and docs/protocol.md, docs/events.schema.json and the types of the
JavaScript client are generated from it. What a client names itself (`app:` stores, messages of streams) has none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, NamedTuple, dataclass_transform
from uuid import UUID

from rest_framework.serializers import BaseSerializer


class Shape(NamedTuple):
    """How a value of a type looks in JSON: `make` returns it, `serializer` declares it, to REST and events alike."""

    make: Callable[[Any], object]  # of the type whose shape this is
    serializer: type[BaseSerializer[Any]]


class PartOf(NamedTuple):
    """In `Annotated[dict[str, object], PartOf(…)]`: some of what may be set by a serializer."""

    serializer: type[BaseSerializer[Any]]


_classes: list[type[TypedEvent]] = []  # in the order in which they are declared


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
@dataclass(frozen=True, kw_only=True, eq=False)
class TypedEvent:
    """Base of all. A class without subclasses is an event; its name is the one on the wire.

    The first paragraph of its docstring says what happened. A field that has a default is left out of the JSON where
    that is its value; one with `init=False` is filled by whoever appends. A string in `Annotated` explains a field.

    log: the kind of the logs that hold it, as `guild`.
    reducer: what a client does to its snapshot.
    shapes: of the types of its fields that are no JSON.
    version: of its fields, raised when one of them comes to mean something else.
    calm: those who act on it need not do so at once.
    """

    log: ClassVar[str]
    reducer: ClassVar[str]
    shapes: ClassVar[Mapping[type, Shape]] = {}
    version: ClassVar[int] = 1
    calm: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        dataclass(frozen=True, kw_only=True, eq=False)(cls)
        _classes.append(cls)

    def args(self, **filled: object) -> dict[str, object]:
        """Return its fields, JSON-ready. `filled` has at least the values of those that are `init=False`."""
        values = {each: getattr(self, each.name) if each.init else filled[each.name] for each in fields(self)}
        return {
            each.name: self._plain(value)
            for each, value in values.items()
            if each.default is MISSING or value != each.default
        }

    def _plain(self, value: object) -> object:
        if (shape := self.shapes.get(type(value))) is not None:
            return shape.make(value)
        if isinstance(value, list | tuple):
            return [self._plain(each) for each in value]
        return str(value) if isinstance(value, UUID) else value


def event_classes(log: str) -> list[type[TypedEvent]]:
    """Return every event of a kind of logs: those of one app together, in the order in which they are declared.

    The modules `events` of the apps must have been imported, as they are once Django is set up.
    """
    events = [each for each in _classes if not each.__subclasses__() and each.log == log]
    return sorted(events, key=lambda each: each.__module__)
