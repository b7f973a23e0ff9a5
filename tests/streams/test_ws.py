"""`/ws`: who may send and receive what, where messages go, and who is present."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.domain.sessions import Principal
from realtime.models import Event
from streams.domain.streams import delete_stream, share_with_user, unshare
from streams.models import Stream, StreamGrant, StreamPresence
from streams.register import Request, grant, read_request
from streams.rights import NO_RIGHTS
from tests.factories import UserFactory
from tests.server import Server
from tests.streams.device import Person, make_person
from tests.waiting import until

pytestmark = pytest.mark.django_db(transaction=True)

# --- Who may do what ---


def test_owner_writer_reader_public_and_outsider(server: Server, owner: Person, stream: Stream) -> None:
    writer, reader, outsider = make_person(), make_person(), make_person()
    share_with_user(stream, writer.user, write=True)
    share_with_user(stream, reader.user, write=False)
    cannot_publish = {
        "type": "error",
        "code": "UNAUTHORIZED",
        "message": "No permission to publish to this stream",
        "streamId": "cam-1",
    }
    cannot_read = cannot_publish | {"message": "No permission to read this stream"}

    def tries(person: Person, **options: list[str]) -> dict[str, Any]:
        with person.open(server) as device:
            return device.register("cam-1", **options)

    for person in (owner, writer):
        assert tries(person, produces=["alert"], consumes=["alert"])["type"] == "registered"
    assert tries(reader, consumes=["alert"])["type"] == "registered"
    assert tries(reader, produces=["alert"], consumes=["alert"]) == cannot_publish
    assert tries(outsider, consumes=["alert"]) == cannot_read
    assert tries(outsider, produces=["alert"]) == cannot_publish
    Stream.objects.update(public=True)
    assert tries(outsider, consumes=["alert"])["type"] == "registered"
    assert tries(outsider, produces=["alert"]) == cannot_publish


def test_a_reader_who_publishes_anyway_is_told_and_stays(
    server: Server, owner: Person, stream: Stream
) -> None:
    reader = make_person()
    share_with_user(stream, reader.user, write=False)
    with reader.on(server, "cam-1", consumes=["alert"]) as device:
        answer = device.ask({"type": "alert", "text": "no", "id": "a" * 8})
        assert (answer["code"], answer["id"]) == ("UNAUTHORIZED", "a" * 8)
        device.show({"type": "video-frame"})
        refusal = device.next()
        assert isinstance(refusal, dict)
        assert refusal["code"] == "UNAUTHORIZED"
        device.quiet()
    assert not Event.objects.exists()


def test_producing_makes_the_stream_and_consuming_does_not(
    server: Server, owner: Person, settings: Settings
) -> None:
    with owner.open(server) as device:
        assert device.register("new", consumes=["alert"])["code"] == "NOT_FOUND"
        assert device.close_code() == 4404
    with owner.on(server, "mine", produces=["x"]) as device:
        assert Stream.objects.get().owner == owner.user
        assert device.register("new", consumes=["alert"])["code"] == "NOT_FOUND"
        device.quiet()  # it continues with its other stream
    settings.STREAMS_AUTOCREATE = False
    with owner.open(server) as device:
        assert device.register("other", produces=["x"])["code"] == "NOT_FOUND"


def test_a_right_that_is_lost_closes_within_a_second(server: Server, owner: Person, stream: Stream) -> None:
    writer, reader = make_person(), make_person()
    for person, write in ((writer, True), (reader, False)):
        share_with_user(stream, person.user, write=write)
    with (
        writer.on(server, "cam-1", produces=["x"]) as producing,
        reader.on(server, "cam-1", consumes=["x"]) as consuming,
        owner.on(server, "cam-1", consumes=["x"]) as unharmed,
    ):
        share_with_user(stream, writer.user, write=False)
        unshare(stream, StreamGrant.objects.get(user=reader.user).pk)
        for device in (producing, consuming):
            lost = device.next(seconds=1.5)
            assert isinstance(lost, dict)
            assert lost["code"] == "UNAUTHORIZED"
            assert device.close_code() == 4403
        unharmed.quiet()
        delete_stream(stream)
        assert unharmed.close_code() == 4404


# --- Messages ---


def test_a_message_goes_to_those_who_consume_its_type_with_the_true_sender(
    server: Server, owner: Person, stream: Stream
) -> None:
    friend = make_person()
    share_with_user(stream, friend.user, write=False)
    with (
        owner.on(server, "cam-1", produces=["status", "other"]) as producer,
        friend.on(server, "cam-1", consumes=["status"]) as consumer,
        owner.on(server, "cam-2", produces=["status"], consumes=["status"]) as elsewhere,
    ):
        forged = {"userId": str(friend.user.pk), "from": {"userId": "1"}, "timestamp": 1, "seq": 9}
        producer.send({"type": "other", "n": 0})
        producer.send({"type": "status", "battery": 0.5, **forged})
        got = consumer.receive()
        assert got.pop("timestamp") > 1_700_000_000_000
        assert got == {
            "type": "status",
            "battery": 0.5,
            "streamId": "cam-1",
            "from": {"userId": str(owner.user.pk), "connectionId": producer.connection_id},
        }
        elsewhere.quiet()
        consumer.quiet()
    assert not Event.objects.exists()  # not stored


def test_one_connection_serves_several_streams(server: Server, owner: Person) -> None:
    with (
        owner.on(server, "a", produces=["x"]) as device,
        owner.on(server, "a", consumes=["x"]) as on_a,
    ):
        assert device.register("b", produces=["x"], consumes=["x"])["streamId"] == "b"
        ambiguous = device.ask({"type": "x", "n": 1})
        assert (ambiguous["code"], "streamId" in ambiguous["message"]) == ("BAD_MESSAGE", True)
        device.send({"type": "x", "n": 2, "streamId": "a"})
        assert on_a.receive()["n"] == 2
        device.send({"type": "x", "n": 3, "streamId": "b"})
        assert device.receive()["n"] == 3  # including its own
        assert device.ask({"type": "unregister", "streamId": "b"})["type"] == "unregistered"
        device.send({"type": "x", "n": 4})
        assert on_a.receive()["n"] == 4
        assert device.ask({"type": "x", "streamId": "b"})["code"] == "BAD_MESSAGE"


def test_those_who_register_at_once_are_answered_each_for_itself_with_as_many_queries(
    owner: Person, stream: Stream, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    outsider, reader, device = make_person(), make_person(), make_person(owner.user)
    share_with_user(stream, reader.user, write=False)
    asked = [
        asking(owner, produces=["x"]),
        asking(outsider, consumes=["x"]),
        asking(reader, consumes=["x"]),
        asking(reader, produces=["x"]),
        asking(outsider, streamId="new", consumes=["x"]),
        asking(owner, since=10**6),
        (Principal(owner.user, device.session, store="stream:other"), asking(owner)[1]),
    ]
    answers = grant(asked)
    assert [type(answer).__name__ for answer in answers] == [
        "Granted", "NoPermission", "Granted", "NoPermission", "StreamNotFound", "EpochMismatch", "NoPermission",
    ]  # fmt: skip
    assert [getattr(answer, "rights", NO_RIGHTS).name for answer in answers[:3:2]] == ["owner", "read"]
    for many in (1, 3):
        with django_assert_num_queries(2):
            assert len(grant([asking(owner) for _ in range(many)])) == many
    both = grant([asking(person, streamId="new", produces=["x"]) for person in (outsider, owner)])
    assert [type(answer).__name__ for answer in both] == ["Granted", "NoPermission"]  # only the first one


def asking(person: Person, **options: Any) -> tuple[Principal, Request]:
    return Principal(person.user, person.session), read_request({"streamId": "cam-1", **options})


def test_registering_again_replaces(server: Server, owner: Person) -> None:
    with owner.on(server, "a", produces=["x"], consumes=["x"]) as device:
        device.register("a", produces=["x"], consumes=["y"])
        device.send({"type": "x"})
        device.quiet()


NOT_CARRIED_OUT: list[dict[str, Any]] = [
    {"type": "register"},
    {"type": "register", "streamId": "a b"},
    {"type": "register", "streamId": "a", "produces": "x"},
    {"type": "register", "streamId": "a", "produces": ["register"]},
    {"type": "register", "streamId": "a", "consumes": ["x"] * 33},
    {"type": "register", "streamId": "a", "since": -1},
    {"type": "register", "streamId": "a", "credit": 3},
    {"type": "register", "streamId": "a", "clientType": "a b"},
    {"type": "x"},
    {"type": "x", "id": ["a"]},
    {"type": "presence"},
    {"type": "unregister"},
    {"type": "auth"},
]


def test_a_message_that_cannot_be_carried_out_is_refused_and_harms_nothing(
    server: Server, owner: Person
) -> None:
    with owner.open(server) as device:
        for message in NOT_CARRIED_OUT:
            answer = device.ask(message)
            assert (answer["type"], answer["code"]) == ("error", "BAD_MESSAGE"), message
            device.quiet()


def test_what_is_no_message_closes_4400(server: Server, owner: Person) -> None:
    for text in ("nonsense", "[]", '{"a":1}', '{"type":5}', "[" * 5000):
        with owner.open(server) as device:
            device.connection.send(text)
            assert device.close_code() == 4400, text


# --- Presence ---


def test_members_who_ask_are_told_who_is_there(server: Server, owner: Person, stream: Stream) -> None:
    Stream.objects.update(public=True)
    with (
        owner.on(server, "cam-1", consumes=["x"], presence=True) as watcher,
        make_person().on(server, "cam-1", consumes=["x"], presence=True) as public,
    ):
        while True:
            reported = watcher.until("presence")
            if reported["watching"] == 2:
                break
        with owner.on(server, "cam-1", produces=["x"]) as producer:
            reported = watcher.until("presence")
            assert (reported["producing"], reported["watching"]) == (1, 2)
            camera = next(p for p in reported["present"] if p["produces"])
            assert (camera["userId"], camera["connectionId"], camera["clientType"]) == (
                str(owner.user.pk),
                producer.connection_id,
                "test",
            )
            headers = {"Authorization": f"Bearer {owner.token}"}
            shape = Client(headers=headers).get("/api/streams/cam-1").json()
            assert (shape["producing"], shape["watching"], len(shape["presence"])) == (1, 2, 3)
        assert watcher.until("presence")["producing"] == 0
        public.quiet()
    until(lambda: not StreamPresence.objects.exists())


def test_nobody_else_than_its_user_is_present(server: Server, owner: Person) -> None:
    UserFactory.create()
    with owner.on(server, "cam-1", produces=["x"]):
        until(StreamPresence.objects.exists)
        assert StreamPresence.objects.get().user == owner.user
