from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.clients.python_site import Site
from tests.clients.relay import Relay
from tests.clients.scene import Scene, set_scene
from tests.server import Server
from tests.streams.device import Person, make_person


@pytest.fixture
def owner(transactional_db: None) -> Person:
    return make_person()


@pytest.fixture
def token(owner: Person) -> str:
    return owner.token


@pytest.fixture
def site(transactional_db: None, settings: Settings) -> Iterator[Site]:
    with Relay() as relay:
        site = Site(settings, relay)
        yield site
        site.stop()


@pytest.fixture
def scene(server: Server) -> Scene:
    return set_scene()
