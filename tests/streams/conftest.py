"""The owner of a stream, with a session."""

from __future__ import annotations

import pytest

from streams.domain.streams import create_stream
from streams.models import Stream
from tests.realtime.conftest import member
from tests.streams.device import Person, make_person

__all__ = ["member"]  # a fixture


@pytest.fixture
def owner(transactional_db: None) -> Person:
    return make_person()


@pytest.fixture
def stream(owner: Person) -> Stream:
    return create_stream(owner.user, stream_id="cam-1")
