"""A typed event is stored in the log as its class declares."""

from __future__ import annotations

import json
import uuid
from dataclasses import field
from typing import ClassVar, Literal

import pytest
from django.db import transaction

from realtime.domain.append import append, ensure_store, lock_store
from realtime.events import Shape, TypedEvent, event_classes
from realtime.models import Event, Store
from realtime.origin import BOT
from realtime.stores.serializers import StoreSerializer
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


class ReadingEvent(TypedEvent):
    log = "test"
    shapes: ClassVar = {Store: Shape(lambda store: store.name, StoreSerializer)}
    store: Store
    total: int = field(init=False, repr=False)


class ReadingTaken(ReadingEvent):
    version = 2
    reducer = "nothing"
    sensor: uuid.UUID
    pairs: list[tuple[uuid.UUID, int]]
    before: uuid.UUID | None
    why: Literal["alarm"] | None = None


SENSOR = uuid.UUID("5c3d0b5e-8f0a-4f0e-9f0d-0a1b2c3d4e5f")


@pytest.fixture
def store(db: None) -> Store:
    return ensure_store("test:log")


def test_an_event_says_the_shapes_of_its_fields(store: Store) -> None:
    reading = ReadingTaken(store=store, sensor=SENSOR, pairs=[(SENSOR, 3)], before=None)
    with transaction.atomic():
        append(lock_store(store.name), reading, origin=BOT, total=7, unused=UserFactory)
    event = Event.objects.get()
    assert (event.name, event.schema_version) == ("ReadingTaken", 2)
    assert json.loads(event.args) == {
        "store": "test:log",
        "total": 7,
        "sensor": str(SENSOR),
        "pairs": [[str(SENSOR), 3]],
        "before": None,
    }


def test_a_field_with_a_default_is_there_where_it_says_something(store: Store) -> None:
    reading = ReadingTaken(store=store, sensor=SENSOR, pairs=[], before=SENSOR, why="alarm")
    args = reading.args(total=7)
    assert (args["before"], args["why"]) == (str(SENSOR), "alarm")


def test_an_event_goes_into_logs_of_its_kind_only(store: Store) -> None:
    ensure_store("other:log")
    reading = ReadingTaken(store=store, sensor=SENSOR, pairs=[], before=None)
    with pytest.raises(ValueError, match="ReadingTaken is not an event of other:log"), transaction.atomic():
        append(lock_store("other:log"), reading, origin=BOT, total=7)


def test_what_other_classes_derive_from_is_no_event() -> None:
    assert ReadingTaken in event_classes("test")
    assert ReadingEvent not in event_classes("test")
