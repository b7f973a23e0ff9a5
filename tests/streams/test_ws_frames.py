"""Binary frames on `/ws`: relayed unchanged, only the newest, and never harmful."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode

from realtime.limits import MAX_REFUSED
from realtime.models import Event
from realtime.server import OPTIONS
from streams.consumer import StreamConsumer
from streams.domain.streams import create_stream, delete_stream
from streams.frames import MAX_FRAME_BYTES, MAX_HEADER_BYTES
from streams.models import AlertFrame, Stream
from tests.factories import UserFactory
from tests.server import Server, serve
from tests.streams.device import JPEG, Device, Person, Shown, make_person, pack
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

VIDEO = {"type": "video-frame"}


def camera(owner: Person, server: Server) -> Device:
    return owner.on(server, "cam-1", produces=["video-frame"])


def screen(owner: Person, server: Server, **options: Any) -> Device:
    return owner.on(server, "cam-1", consumes=["video-frame"], **options)


def settle(producer: Device) -> None:
    """Wait until the server has read everything that the producer sent."""
    producer.quiet()


def rest(owner: Person) -> Client:
    return Client(headers={"Authorization": f"Bearer {owner.token}"})


def test_a_frame_arrives_as_it_was_sent_with_the_true_sender(
    server: Server, owner: Person, stream: Stream
) -> None:
    with camera(owner, server) as producer, screen(owner, server) as first, screen(owner, server) as second:
        forged = {"userId": "1", "from": {"userId": "1"}, "timestamp": 1, "frame": 99, "missed": 5}
        payloads = [b"", b"\0" * 100, JPEG, bytes(range(256)) * 3000]
        for payload in payloads:
            producer.show({**VIDEO, "width": 640, "streamId": "cam-1", **forged}, payload)
        for consumer in (first, second):
            for number, payload in enumerate(payloads, 1):
                shown = consumer.next_frame()
                assert shown.payload == payload
                assert shown.header.pop("timestamp") > 1_700_000_000_000
                assert shown.header == {
                    "type": "video-frame",
                    "width": 640,
                    "streamId": "cam-1",
                    "from": {"userId": str(owner.user.pk), "connectionId": producer.connection_id},
                    "frame": number,
                    "missed": 0,
                }


def test_frames_are_not_compressed(server: Server, owner: Person, stream: Stream) -> None:
    with screen(owner, server) as consumer:  # this test client offers permessage-deflate
        assert consumer.connection.protocol.extensions == []


def test_with_credit_a_consumer_gets_the_newest_and_is_told_what_it_missed(
    server: Server, owner: Person, stream: Stream
) -> None:
    for credit in (1, 2):
        with camera(owner, server) as producer, screen(owner, server, credit=credit) as consumer:
            for n in range(10):
                producer.show({**VIDEO, "n": n})
            settle(producer)
            shown = [consumer.next_frame() for _ in range(credit)]
            consumer.quiet()
            consumer.send({"type": "ack", "frame": shown[0].header["frame"]})
            newest = consumer.next_frame()
            assert (newest.header["n"], newest.header["missed"]) == (9, 9 - credit)
            consumer.quiet()
            consumer.send({"type": "ack", "frame": newest.header["frame"]})
            producer.show({**VIDEO, "n": 10})
            assert consumer.next_frame().header["missed"] == 0


def test_an_acknowledgement_is_cumulative_and_taken_with_or_without_the_stream_in_any_spelling(
    server: Server, owner: Person, stream: Stream
) -> None:
    with camera(owner, server) as producer, screen(owner, server, credit=2) as consumer:
        for spelling in (
            '{"type":"ack","streamId":"cam-1","frame":%d}',
            '{"frame":%d,"type":"ack"}',
            '{"type":"\\u0061ck","frame":%d}',  # equivalent JSON
            '{"type":"ack","frame":%d,"fill":"' + "x" * 1000 + '"}',
        ):
            for n in range(2):
                producer.show({**VIDEO, "n": n})
            shown = [consumer.next_frame().header["frame"] for _ in range(2)]
            consumer.connection.send(spelling % shown[1])  # for both
            consumer.quiet()


def test_acknowledgements_cost_no_task_where_the_server_offers_that_and_do_the_same_elsewhere(
    settings: Settings, owner: Person, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    received: list[str] = []
    real = StreamConsumer.websocket_receive

    async def noting(self: StreamConsumer, message: dict[str, Any]) -> None:
        received.append(json.loads(message.get("text") or "{}").get("type", ""))
        await real(self, message)

    monkeypatch.setattr(StreamConsumer, "websocket_receive", noting)
    for protocol, waited in ((OPTIONS["ws"], 0), ("websockets-sansio", 3)):
        monkeypatch.setitem(OPTIONS, "ws", protocol)
        received.clear()
        with (
            serve(settings) as server,
            camera(owner, server) as producer,
            screen(owner, server, credit=1) as consumer,
        ):
            for n in range(3):
                producer.show({**VIDEO, "n": n})
                consumer.send({"type": "ack", "frame": consumer.next_frame().header["frame"]})
            consumer.quiet()
        assert received.count("ack") == waited


def test_what_is_no_acknowledgement_gives_no_credit(server: Server, owner: Person, stream: Stream) -> None:
    with camera(owner, server) as producer, screen(owner, server, credit=1) as consumer:
        producer.show({**VIDEO, "n": 0})
        shown = consumer.next_frame().header["frame"]
        producer.show({**VIDEO, "n": 1})
        settle(producer)
        wrong: tuple[dict[str, Any], ...] = (
            {"type": "ack"},
            {"type": "ack", "frame": str(shown)},
            {"type": "ack", "frame": shown - 1},
            {"type": "ack", "frame": shown, "streamId": "cam-2"},
            {"type": "ack", "frame": shown, "streamId": ["cam-1"]},
            {"type": "ping", "id": "ack", "frame": shown},
        )
        for message in wrong:
            consumer.send(message)
        answer = consumer.next()
        assert isinstance(answer, dict)
        assert (answer["type"], answer["id"]) == ("pong", "ack")
        consumer.quiet()
        consumer.send({"type": "ack", "frame": shown})
        assert consumer.next_frame().header["n"] == 1


def test_what_looks_like_an_acknowledgement_within_a_frame_is_none(
    server: Server, owner: Person, stream: Stream
) -> None:
    """Not even if a fragment of the frame equals one byte for byte, or for a fragmented text."""
    with (
        camera(owner, server) as producer,
        owner.on(server, "cam-1", produces=["copy"], consumes=["video-frame"], credit=1) as consumer,
        owner.on(server, "cam-1", consumes=["copy"]) as witness,
    ):
        producer.show({**VIDEO, "n": 0})
        shown = consumer.next_frame().header["frame"]
        producer.show({**VIDEO, "n": 1})
        settle(producer)
        ack = WireFrame(Opcode.TEXT, json.dumps({"type": "ack", "frame": shown}).encode())
        look = ack.serialize(mask=True)
        body = pack({"type": "copy"}, look)
        raw = consumer.connection.socket
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        header = bytes((0x82, 0x80 | len(body))) + bytes(4)  # masked with zeros
        assert len(body) < 126
        for part in (header + body[: -len(look)], look):
            raw.sendall(part)
            settle(producer)
        assert witness.next_frame().payload == look

        opening, closing = b'{"type":"ack","x":"', b'"}'
        for part in (
            WireFrame(Opcode.TEXT, opening, fin=False).serialize(mask=True),
            WireFrame(Opcode.PING, b"between").serialize(mask=True),
            WireFrame(Opcode.CONT, closing).serialize(mask=True),
        ):
            raw.sendall(part)
            settle(producer)
        consumer.quiet()
        raw.sendall(look[:5])  # a real acknowledgement may come in two pieces
        settle(producer)
        raw.sendall(look[5:])
        assert consumer.next_frame().header["n"] == 1


def test_a_reader_that_stalls_costs_no_memory_and_slows_nobody(
    server: Server, owner: Person, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("SOCKET_FRAMES", "SOCKET_BYTES", "USER_FRAMES", "USER_BYTES"):
        monkeypatch.setattr(f"streams.limits.{limit}", 1e9)
    frames, size = 100, 400_000
    with camera(owner, server) as producer, screen(owner, server) as good, screen(owner, server) as stalled:
        before = memory()
        for n in range(frames):
            producer.show({**VIDEO, "n": n}, bytes(size))
            shown = good.next_frame()  # it accepts each frame before the next one
            assert (shown.header["n"], shown.header["missed"]) == (n, 0)
        # Of 40 MB: what the client's library buffered, and the newest frame.
        assert memory() - before < 20_000_000
        late = [stalled.next_frame().header]
        while late[-1]["n"] < frames - 1:
            late.append(stalled.next_frame().header)
        missed = sum(header["missed"] for header in late)
        assert missed > frames / 3
        assert missed + len(late) == frames


def memory() -> int:
    """Return the memory in bytes of this process, which runs server and clients."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_wrong_frame_closes_with_a_reason_and_harms_nobody(
    server: Server, owner: Person, stream: Stream
) -> None:
    long = json.dumps({**VIDEO, "x": "y" * MAX_HEADER_BYTES}).encode()
    wrong: list[tuple[bytes, int, str]] = [
        (b"", 4400, "BAD_MESSAGE"),
        (b"\0", 4400, "BAD_MESSAGE"),
        (b"\0\0", 4400, "BAD_MESSAGE"),
        (b"\xff\xff{}", 4400, "BAD_MESSAGE"),
        (pack(long), 4400, "BAD_MESSAGE"),
        (pack(b"nonsense", JPEG), 4400, "BAD_MESSAGE"),
        (pack(b"[]", JPEG), 4400, "BAD_MESSAGE"),
        (pack(b'{"type":"\xff"}', JPEG), 4400, "BAD_MESSAGE"),
        (pack({"n": 1}, JPEG), 4400, "BAD_MESSAGE"),
        (pack(VIDEO, bytes(MAX_FRAME_BYTES)), 4413, "TOO_LARGE"),
    ]
    with screen(owner, server) as consumer:
        for data, close_code, code in wrong:
            with camera(owner, server) as producer:
                producer.connection.send(data)
                assert producer.until("error")["code"] == code
                assert producer.close_code() == close_code
        with camera(owner, server) as producer:
            for header in ({"type": "other"}, {**VIDEO, "streamId": "cam-2"}, {**VIDEO, "streamId": 5}):
                producer.show(header)
                assert producer.until("error")["code"] == "BAD_MESSAGE"
            producer.show({"type": "alert"})
            assert producer.until("error")["code"] == "BAD_MESSAGE"
            producer.show(VIDEO)
        assert consumer.next_frame().header["frame"] == 1


def test_a_flood_is_dropped_told_and_in_the_end_closed(server: Server, owner: Person, stream: Stream) -> None:
    with camera(owner, server) as producer, screen(make_reader(stream), server) as consumer:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(MAX_REFUSED * 10):
                producer.show(VIDEO, b"x")
        codes, close_code = errors_until_closed(producer)
        assert (set(codes), close_code) == ({"RATE_LIMITED"}, 4429)
        assert len(codes) > MAX_REFUSED
        assert isinstance(consumer.next(), Shown)


def errors_until_closed(device: Device) -> tuple[list[str], int | None]:
    codes: list[str] = []
    while True:
        try:
            found = device.next()
        except ConnectionClosed as closed:
            return codes, closed.rcvd.code if closed.rcvd else None
        assert isinstance(found, dict)
        codes.append(found["code"])


def make_reader(stream: Stream) -> Person:
    Stream.objects.filter(pk=stream.pk).update(public=True)
    return make_person()


def test_the_newest_picture_is_a_thumbnail_and_is_kept_with_an_alert(
    server: Server, owner: Person, stream: Stream
) -> None:
    client = rest(owner)
    assert client.get("/api/streams/cam-1/frame").json()["code"] == "NO_FRAME"
    with owner.on(server, "cam-1", produces=["video-frame", "alert", "sound"]) as device:
        device.show({"type": "sound"}, b"no picture")
        settle(device)
        assert client.get("/api/streams/cam-1/frame").status_code == 404
        for n in range(2):
            device.show(VIDEO, JPEG + bytes([n]))
        settle(device)
        shown = client.get("/api/streams/cam-1/frame")
        assert (shown["Content-Type"], shown.content) == ("image/jpeg", JPEG + b"\1")
        assert shown["Cache-Control"] == "no-store"
        device.ask({"type": "alert", "text": "motion", "id": "message-1"})
        device.show(VIDEO, JPEG + b"later")
        settle(device)
        kept = client.get("/api/streams/cam-1/alerts/1/frame")
        assert kept.content == JPEG + b"\1"
        assert AlertFrame.objects.get().event == Event.objects.get()
        outsider = make_person()
        assert rest(outsider).get("/api/streams/cam-1/frame").status_code == 404
        delete_stream(stream)
        create_stream(outsider.user, stream_id="cam-1")
        assert rest(outsider).get("/api/streams/cam-1/frame").json()["code"] == "NO_FRAME"


def test_frames_are_counted(server: Server, owner: Person, stream: Stream) -> None:
    def counted() -> dict[str, float]:
        lines = Client().get("/metrics").content.decode().splitlines()
        found = [line for line in lines if line.startswith("backline_stream_frames_total")]
        return {line.split('"')[1]: float(line.split()[-1]) for line in found}

    before = counted()
    with camera(owner, server) as producer, screen(owner, server, credit=1) as consumer:
        for _ in range(3):
            producer.show(VIDEO)
        consumer.next_frame()
        settle(producer)
    after = counted()
    assert {what: after[what] - before[what] for what in after} == {
        "received": 3,
        "delivered": 1,
        "missed": 1,
    }


def test_nobody_is_disturbed_by_a_user_who_goes(server: Server, owner: Person, stream: Stream) -> None:
    UserFactory.create()
    with camera(owner, server) as producer, screen(owner, server) as consumer:
        for _ in range(3):
            gone = screen(owner, server)
            gone.connection.socket.shutdown(socket.SHUT_RDWR)
        producer.show(VIDEO)
        assert consumer.next_frame().payload == JPEG

        def only_two() -> bool:
            producer.quiet()
            return server.connections == 2

        until(only_two)
