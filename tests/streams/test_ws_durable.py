"""Durable messages on `/ws`: kept, replayed, acknowledged, and read over `/sync`."""

from __future__ import annotations

import json
import uuid

import pytest
from pytest_django import Settings

from realtime.models import Event
from streams.domain.streams import change_stream
from streams.models import Stream
from tests.server import Server, serve
from tests.streams.device import Device, Person, make_person

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_alert_is_kept_and_replayed(server: Server, owner: Person, stream: Stream) -> None:
    with owner.on(server, "cam-1", produces=["alert"], consumes=["alert"]) as device:
        key = str(uuid.uuid4())
        device.send({"type": "alert", "level": "high", "text": "motion", "userId": "1", "id": key})
        first, second = device.receive(), device.receive()
        alert, ack = (first, second) if first["type"] == "alert" else (second, first)
        assert ack == {"type": "ack", "id": key, "streamId": "cam-1", "seq": 1}
        sender = {"userId": str(owner.user.pk), "connectionId": device.connection_id}
        timestamp = alert.pop("timestamp")
        assert alert == {
            "type": "alert",
            "level": "high",
            "text": "motion",
            "streamId": "cam-1",
            "from": sender,
            "seq": 1,
            "id": key,
        }
        again = device.ask({"type": "alert", "level": "high", "text": "motion", "id": key})
        assert again["seq"] == 1  # sent twice, stored once
    event = Event.objects.get()
    assert (event.actor, event.name, json.loads(event.args)) == (
        owner.user,
        "alert",
        {"level": "high", "text": "motion"},
    )
    with owner.on(server, "cam-1", consumes=["alert"], since=0) as later:
        assert later.receive() == alert | {"timestamp": timestamp}
        later.quiet()
    with owner.on(server, "cam-1", consumes=["alert"]) as fresh:
        fresh.quiet()
    with owner.on(server, "cam-1", consumes=["other"], since=0) as uninterested:
        uninterested.quiet()


def test_alerts_survive_the_consumer_and_the_server(
    server: Server, owner: Person, stream: Stream, settings: Settings
) -> None:
    with owner.on(server, "cam-1", consumes=["alert"]) as consumer, producer_on(owner, server) as producer:
        producer.send({"type": "alert", "n": 1})
        seen = [consumer.receive()]
        consumer.connection.socket.close()  # without a close frame
        for n in (2, 3):
            producer.ask({"type": "alert", "n": n, "id": f"message-{n}"})
    server.stop()
    with serve(settings) as another:
        with producer_on(owner, another) as producer:
            producer.ask({"type": "alert", "n": 4, "id": "message-4"})
        with owner.on(another, "cam-1", consumes=["alert"], since=seen[-1]["seq"]) as consumer:
            seen += [consumer.receive() for _ in range(3)]
            with producer_on(owner, another) as producer:
                producer.send({"type": "alert", "n": 5})
            seen.append(consumer.receive())
    assert [(message["seq"], message["n"]) for message in seen] == [(n, n) for n in range(1, 6)]


def producer_on(owner: Person, server: Server) -> Device:
    return owner.on(server, "cam-1", produces=["alert"])


def test_alerts_are_also_read_over_sync(server: Server, owner: Person, stream: Stream) -> None:
    with producer_on(owner, server) as producer:
        producer.ask({"type": "alert", "text": "motion", "id": "message-1"})
    with server.connect() as sync:
        assert sync.init("stream:cam-1", owner.token)["head"] == 1
        events = sync.ask({"type": "pull", "id": 1, "cursor": 0})["events"]
        assert [(e["name"], e["args"], e["metadata"]["userId"]) for e in events] == [
            ("alert", {"text": "motion"}, str(owner.user.pk))
        ]
        assert sync.receive()["type"] == "end"
        push = {"eventId": str(uuid.uuid4()), "name": "alert", "args": {}}
        assert sync.ask({"type": "push", "id": 2, "events": [push]})["code"] == "FORBIDDEN"
    with server.connect() as sync:
        assert sync.init("stream:cam-1", make_person().token)["code"] == "NOT_FOUND"


def test_a_type_that_becomes_durable_is_kept_and_delivered_from_then_on(
    server: Server, owner: Person, stream: Stream
) -> None:
    with owner.on(server, "cam-1", produces=["door"], consumes=["door"]) as device:
        device.send({"type": "door", "n": 1})
        assert "seq" not in device.receive()
        device.quiet()
        change_stream(stream, durable_types=["alert", "door"])
        notice = device.receive()
        assert (notice["code"], notice["streamId"], notice["durableTypes"]) == (
            "DURABLE_TYPES",
            "cam-1",
            ["alert", "door"],
        )
        device.send({"type": "door", "n": 2})
        assert device.receive()["seq"] == 1


def test_a_position_nobody_can_continue_from_is_refused(
    server: Server, owner: Person, stream: Stream
) -> None:
    with owner.open(server) as device:
        ahead = device.register("cam-1", consumes=["alert"], since=5)
        assert (ahead["code"], ahead["head"]) == ("EPOCH_MISMATCH", 0)
        assert device.register("cam-1", consumes=["alert"], since=0, epoch="x")["code"] == "EPOCH_MISMATCH"
