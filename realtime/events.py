"""Events that the server itself appends: a typed class for each, in the `events.py` of the app that appends it.

The class is the whole declaration. `append` writes it, and docs/protocol.md, docs/events.schema.json and the types of
the JavaScript client are generated from it. Events that clients define (`app:` stores, messages of streams) have none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, ClassVar, NamedTuple, Protocol, dataclass_transform
from uuid import UUID

from rest_framework.serializers import BaseSerializer


class Shape(NamedTuple):
    """How a type looks in JSON, on REST and in events: `make` returns the value, `serializer` declares it."""

    make: Callable[[Any], object]  # takes a value of the type
    serializer: type[BaseSerializer[Any]]


class PartOf(NamedTuple):
    """In `Annotated[dict[str, object], PartOf(…)]`: the dict has some of the serializer's fields."""

    serializer: type[BaseSerializer[Any]]


class Words(Protocol):
    """A sentence with named placeholders, of gettext_lazy or ngettext_lazy: translated when they are filled."""

    def __mod__(self, values: Mapping[str, object], /) -> str: ...


@dataclass(frozen=True)
class Deed:
    """What a person did: `said` to everybody else, and `to_them` to that person. Otherwise like its `said`."""

    said: Words
    to_them: Words

    def __mod__(self, values: Mapping[str, object], /) -> str:
        said: str = self.said % values
        return said


_classes: list[type[TypedEvent]] = []  # in the order of their declaration


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(field,))
@dataclass(frozen=True, kw_only=True, eq=False)
class TypedEvent:
    """Base of all events. A class without subclasses is an event; its name is the name on the wire.

    The first paragraph of its docstring says what happened. A field whose value is its default is left out of the
    JSON. A field with `init=False` gets its value from `append`. A string in `Annotated` explains a field.

    log: the kind of logs that contain it, such as `guild`.
    sentence: what happened, in words for people. `%(who)s` is who did it, and `placeholders` has the other values.
        A `Deed` also has the words to that person. Changes that can be undone need one.
    sentence_by_bot: the same if no person did it. None: no difference.
    reducer: what a client does to its snapshot.
    shapes: how its fields look in JSON, for types that are not JSON themselves.
    version: increased when the meaning of a field changes.
    calm: listeners need not act on it at once.
    """

    log: ClassVar[str]
    sentence: ClassVar[Words]
    sentence_by_bot: ClassVar[Words | None] = None
    reducer: ClassVar[str]
    shapes: ClassVar[Mapping[type, Shape]] = {}
    version: ClassVar[int] = 1
    calm: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        dataclass(frozen=True, kw_only=True, eq=False)(cls)
        _classes.append(cls)

    @classmethod
    def words(cls, args: Mapping[str, Any], *, by_bot: bool) -> Words:
        """Return the sentence for an event with these args."""
        return cls.sentence_by_bot if by_bot and cls.sentence_by_bot is not None else cls.sentence

    @classmethod
    def placeholders(cls, args: Mapping[str, Any]) -> dict[str, object]:
        """Return the values of the sentence's placeholders, except `who`."""
        return {}

    def args(self, **filled: object) -> dict[str, object]:
        """Return its fields, JSON-ready. `filled` must have the values of the `init=False` fields."""
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


def event_class(log: str, name: str) -> type[TypedEvent] | None:
    """Return an event class by its name, None if this version has none of it."""
    found = (each for each in _classes if each.__name__ == name and not each.__subclasses__())
    return next((each for each in found if each.log == log), None)


def event_classes(log: str) -> list[type[TypedEvent]]:
    """Return every event class of one kind of logs, grouped by app, in the order of their declaration.

    The apps' `events` modules must have been imported, which is so once Django is set up.
    """
    events = [each for each in _classes if not each.__subclasses__() and each.log == log]
    return sorted(events, key=lambda each: each.__module__)
