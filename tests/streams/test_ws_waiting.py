"""Frames that wait for consumers that acknowledge nothing take limited memory."""

from __future__ import annotations

import pytest

from streams import live
from streams.domain.streams import create_stream
from tests.server import Server
from tests.streams.device import Device, make_person
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

TYPES = [f"t{n}" for n in range(10)]
SIZE = 100_000


def test_what_waits_on_one_owners_streams_is_bounded_and_the_newest_stays(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MAX_WAITING_BYTES", 5 * SIZE)
    owner = make_person()
    create_stream(owner.user, stream_id="cam-1")
    with (
        owner.on(server, "cam-1", produces=TYPES) as producer,
        owner.on(server, "cam-1", consumes=TYPES, credit=1) as consumer,
    ):
        for type_ in TYPES:
            producer.show({"type": type_}, bytes(SIZE))
            producer.quiet()
            assert live._waiting_bytes[owner.user.pk] <= 6 * SIZE
        assert take(consumer) == ("t0", 0)
        assert [take(consumer) for _ in range(3)] == [("t7", 0), ("t8", 0), ("t9", 0)]
        producer.show({"type": "t1"}, bytes(SIZE))
        assert take(consumer) == ("t1", 1)
        until(lambda: not live._waiting_bytes)


def take(consumer: Device) -> tuple[str, int]:
    """Acknowledge the next frame. Returns its type and the number of missed frames."""
    header = consumer.next_frame().header
    consumer.send({"type": "ack", "frame": header["frame"]})
    return header["type"], header["missed"]
