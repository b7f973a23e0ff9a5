"""Presence on a stream, while people come and go and processes renew their rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest
from django.test import Client
from pytest_django import Settings

from streams import presence
from streams.domain.streams import create_stream, delete_stream
from streams.models import StreamPresence
from streams.relay import this_process
from tests.server import Server, serve
from tests.streams.device import Device, Person
from tests.waiting import until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.both_databases,
    pytest.mark.usefixtures("stream"),
]


@pytest.fixture
def server(transactional_db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that renews its rows each time it wakes, instead of every ten seconds."""
    monkeypatch.setattr(presence, "REFRESH_SECONDS", 0.0)
    with serve(settings) as running:
        yield running


def shown(person: Person) -> set[str]:
    """Return the connections that REST shows to a member."""
    shape = Client(headers={"Authorization": f"Bearer {person.token}"}).get("/api/streams/cam-1").json()
    return {each["connection_id"] for each in shape["presence"]}


def listed(device: Device) -> set[str]:
    return {each["connectionId"] for each in device.until("presence")["present"]}


def rows(*connection_ids: str) -> dict[str, tuple[int, datetime]]:
    """Return the table's connections, and when their process last renewed them."""
    found = (
        StreamPresence.objects.filter(connection_id__in=connection_ids)
        if connection_ids
        else StreamPresence.objects
    )
    return {row.connection_id: (row.pk, row.seen_at) for row in found.all()}


def test_nobody_who_stays_is_forgotten_while_others_come_and_go(server: Server, owner: Person) -> None:
    with (
        owner.on(server, "cam-1", consumes=["x"], presence=True) as watcher,
        owner.on(server, "cam-1", consumes=["x"]) as other,
    ):
        staying = {watcher.connection_id, other.connection_id}
        until(lambda: rows().keys() == staying)
        before = rows()
        for _ in range(3):
            with owner.on(server, "cam-1", produces=["x"]) as third:
                while third.connection_id not in (seen := listed(watcher)):
                    assert seen <= staying
                assert seen > staying
                assert shown(owner) > staying
            while third.connection_id in (seen := listed(watcher)):
                assert seen > staying
            assert seen == staying == shown(owner)
            now = rows()
            assert all(
                now[each][0] == before[each][0] and now[each][1] >= before[each][1] for each in staying
            )
            before = now


def test_the_table_is_put_right_and_nobody_else_is_forgotten_meanwhile(server: Server, owner: Person) -> None:
    other_stream = create_stream(owner.user, stream_id="cam-2")
    with (
        owner.on(server, "cam-1", consumes=["x"]) as stays,
        owner.on(server, "cam-1", produces=["x"]) as lost,
        owner.on(server, "cam-2", produces=["x"]) as deleted,
    ):
        until(lambda: len(rows()) == 3)
        row, said_at = rows(stays.connection_id)[stays.connection_id]
        StreamPresence.objects.filter(connection_id=lost.connection_id).delete()
        StreamPresence(
            stream_id="cam-1", user=owner.user, connection_id="stray", process=this_process()
        ).save()
        delete_stream(other_stream)  # deletes its rows before its sockets close
        with owner.on(server, "cam-1", produces=["x"]) as newcomer:
            here = {each.connection_id for each in (stays, lost, newcomer)}
            until(lambda: rows().keys() == here)
            assert deleted.until("error")["code"] == "NOT_FOUND"
        until(lambda: newcomer.connection_id not in rows())
        now = rows()
        assert now.keys() == {stays.connection_id, lost.connection_id}
        assert now[stays.connection_id][0] == row
        assert now[lost.connection_id][1] >= said_at
    until(lambda: not StreamPresence.objects.exists())


def test_other_processes_are_looked_at_also_while_people_come_and_go_here(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "LOOK_SECONDS", 1.0)
    create_stream(owner.user, stream_id="busy")
    with (
        owner.on(server, "cam-1", consumes=["x"], presence=True) as watcher,
        owner.on(server, "busy", consumes=["x"]) as busy,
    ):
        watcher.until("presence")
        # A process without hints.
        StreamPresence(stream_id="cam-1", user=owner.user, connection_id="there", process="another").save()
        comings = 0
        while True:
            assert busy.register("busy", consumes=["x"])["type"] == "registered"
            comings += 1
            try:
                message = watcher.receive(seconds=0.1)
            except TimeoutError:
                assert comings < 100, "nobody looked"
                continue
            assert {each["connectionId"] for each in message["present"]} == {watcher.connection_id, "there"}
            break
