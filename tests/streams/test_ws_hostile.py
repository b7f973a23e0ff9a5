"""Careless and hostile clients of `/ws` get an error or are cut off, and never affect others."""

from __future__ import annotations

import contextlib
import fcntl
import json
import struct
import termios
from collections.abc import Callable

import pytest
from django.db import transaction
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from realtime.domain.append import append_all, lock_store
from realtime.models import Event, Via
from realtime.origin import Origin
from streams.domain.streams import create_stream
from streams.models import Stream
from tests.asgi import Upgrade
from tests.server import Server
from tests.streams.device import Device, Person, pack
from tests.streams.test_ws_frames import errors_until_closed
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)


UNREADABLE: dict[str, Callable[[Device], None]] = {
    "message": lambda device: device.send({"type": "x", "id": ["no id"]}),
    "frame": lambda device: device.show({"type": "x", "streamId": 5}),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_what_cannot_be_carried_out_counts_as_a_message(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("realtime.limits.SOCKET_BURST", 20.0)
    monkeypatch.setattr("streams.limits.SOCKET_FRAMES", 10.0)
    with owner.on(server, "cam-1", produces=["x"]) as device:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(400):
                UNREADABLE[kind](device)
        codes, close_code = errors_until_closed(device)
        assert close_code == 4429
        assert codes[0] == "BAD_MESSAGE"
        assert codes[-1] == "RATE_LIMITED"


def test_half_an_emoji_costs_no_alert_and_no_frame(server: Server, owner: Person, stream: Stream) -> None:
    halves = '{"type":"alert","id":"message-1","text":"a \\ud83d b","\\udc00":{"n":[1.5,"é 🎵"]}}'
    with owner.on(server, "cam-1", produces=["alert", "x"], consumes=["alert", "x"]) as device:
        device.connection.send(pack(b'{"type":"x","of":"\\udc00"}', b"payload"))
        shown = device.next_frame()
        assert (shown.header["of"], shown.payload) == ("?", b"payload")
        device.connection.send(halves)
        reported = device.until("alert")
        assert (reported["text"], reported["?"]) == ("a ? b", {"n": [1.5, "é 🎵"]})


def test_an_id_that_was_used_for_something_else_is_a_conflict(
    server: Server, owner: Person, stream: Stream
) -> None:
    with owner.on(server, "cam-1", produces=["alert"]) as device:
        first = {"type": "alert", "id": "message-1", "text": "a cat", "n": {"a": 1, "b": [2.0]}}
        assert device.ask(first)["seq"] == 1
        turned = {"n": {"b": [2.0], "a": 1}, "text": "a cat", "id": "message-1", "type": "alert"}
        assert device.ask(turned)["seq"] == 1
        other = device.ask(first | {"text": "a burglar"})
        assert (other["code"], other["id"]) == ("CONFLICT", "message-1")
    assert Event.objects.count() == 1


async def test_a_server_that_frames_by_itself_says_why_it_closes_too(owner: Person) -> None:
    bearer = [(b"authorization", f"Bearer {owner.token}".encode())]
    async with Upgrade("/ws", headers=bearer) as socket:
        assert (await socket.answer())[0] == 101
        reported = await socket.ask({"type": 5})
        assert reported["code"] == "BAD_MESSAGE"
        assert await socket.next() == {"type": "websocket.close", "code": 4400}


def test_a_connection_and_a_person_have_so_many_streams_and_no_more(
    server: Server, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.consumer.MAX_REGISTRATIONS", 2)
    monkeypatch.setattr("streams.domain.streams.MAX_OWNED", 3)
    with owner.on(server, "a", produces=["x"]) as device:
        assert device.register("b", produces=["x"])["type"] == "registered"
        assert device.register("c", produces=["x"])["code"] == "BAD_MESSAGE"
        assert device.register("b", produces=["y"])["type"] == "registered"  # replaces its registration
        assert device.ask({"type": "unregister", "streamId": "a"})["type"] == "unregistered"
        assert device.register("c", produces=["x"])["type"] == "registered"
        assert device.ask({"type": "unregister", "streamId": "c"})["type"] == "unregistered"
        assert device.register("d", produces=["x"])["code"] == "TOO_MANY_STREAMS"
        device.quiet()
    assert {stream.pk for stream in Stream.objects.all()} == {"a", "b", "c"}


def test_what_is_left_is_heard_no_more(server: Server, owner: Person) -> None:
    with (
        owner.on(server, "a", produces=["alert", "x"]) as producer,
        owner.on(server, "a", consumes=["alert", "x"], presence=True) as device,
    ):
        assert device.ask({"type": "unregister", "streamId": "a"})["type"] in ("unregistered", "presence")
        device.connection.send('{"type":"ping","id":"left"}')
        while device.receive().get("id") != "left":
            pass
        producer.ask({"type": "alert", "id": "message-1"})
        producer.send({"type": "x"})
        producer.show({"type": "x"})
        producer.quiet()
        device.quiet()


def unread_bytes(device: Device) -> int:
    """Return how many bytes the system buffers for a socket whose client does not read."""
    return int(struct.unpack("i", fcntl.ioctl(device.connection.socket, termios.FIONREAD, bytes(4)))[0])


def test_who_resumes_many_streams_at_once_gets_all_their_alerts(server: Server, owner: Person) -> None:
    origin = Origin(user=owner.user, via=Via.SYNC)
    streams, alerts = 20, 100
    for n in range(streams):
        create_stream(owner.user, stream_id=f"cam-{n}")
        with transaction.atomic():
            store = lock_store(f"stream:cam-{n}")
            args = json.dumps({"text": "x" * 2_000})
            events = [
                Event(store=store, seq=seq, parent_seq=seq - 1, event_id=f"{n}-{seq}", name="alert", args=args,
                      actor=owner.user, via=origin.via, created_at=timezone.now())
                for seq in range(1, alerts + 1)
            ]  # fmt: skip
            append_all(store, events)
    with owner.open(server) as device:
        for n in range(streams):
            device.send({"type": "register", "streamId": f"cam-{n}", "consumes": ["alert"], "since": 0})
        until(lambda: unread_bytes(device) > 50_000, what="more was sent than its client reads ahead")
        seen: dict[str, list[int]] = {f"cam-{n}": [] for n in range(streams)}
        while sum(map(len, seen.values())) < streams * alerts:
            reported = device.receive()
            assert reported["type"] in ("registered", "alert"), reported
            if reported["type"] == "alert":
                seen[reported["streamId"]].append(reported["seq"])
    assert all(seqs == list(range(1, alerts + 1)) for seqs in seen.values())
