"""The limit of open sockets per person, for every protocol and every way to authenticate."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accounts.tokens import issue_sync
from realtime.domain.stores import create_store
from streams.domain.streams import create_stream, issue_token
from tests.server import Server
from tests.streams.device import Person, make_person
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person(settings: Settings) -> Person:
    settings.SOCKETS_PER_PERSON = 2
    return make_person()


def test_one_more_is_told_and_closed_on_every_endpoint(server: Server, person: Person) -> None:
    create_store(person.user, "todo")
    stream = create_stream(person.user, stream_id="cam-1")
    with person.open(server) as one, server.connect() as two:
        assert two.init("app:todo", person.token)["type"] == "ready"
        tokens = {
            "of the session": person.token,
            "of a device": issue_sync(issue_token(stream, device="phone")),
        }
        for whose, token in tokens.items():
            with person.open(server, token) as third:
                assert third.receive()["code"] == "TOO_MANY_CONNECTIONS", whose
                assert third.close_code() == 4429
        with server.connect() as third:
            assert third.init("app:todo", person.token)["code"] == "TOO_MANY_CONNECTIONS"
            assert third.close_code() == 4429
        with server.connect(f"/livestore?storeId=todo&token={person.token}") as third:
            assert third.close_code() == 4429
        for device in (one, two):  # a renewal does not count as another socket
            assert device.ask({"type": "auth", "authToken": person.token})["type"] == "authed"
        with make_person().open(server) as other:
            other.quiet()


def test_what_closes_makes_room(server: Server, person: Person) -> None:
    for _ in range(3):
        with person.open(server) as one, person.open(server) as two:
            one.quiet()
            two.quiet()
        until(lambda: server.connections == 0)


def test_without_a_bound_there_is_none(server: Server, person: Person, settings: Settings) -> None:
    settings.SOCKETS_PER_PERSON = 0
    with person.open(server), person.open(server), person.open(server) as third:
        third.quiet()
